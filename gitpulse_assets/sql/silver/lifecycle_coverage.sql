-- Grain: one issue whose lifecycle was collected. Key: repo_owner, repo_name, issue_id.
-- How far it is known: by GraphQL the issue's own updated_at at the time, which every later event moves. A walk of
-- the REST issue events tells of all issues present at once, also of those without any event, up to when it began.
-- The latest collection counts: a timeline that came whole after one that was cut short is whole.
with timeline as (
    select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, fetched_at
    from stored_lifecycle_coverage
    union all
    select repo_owner, repo_name, issue_id, coalesce(issue_updated_at, fetched_at), is_complete, fetched_at
    from timeline_record
    where is_readable and issue_id is not null and source = 'graphql'
),

walk as (
    select as_of_at, complete_since_at, whole_walk_at
    from bronze_event_walk
    order by as_of_at desc, fetched_at desc
    limit 1
),

arrival as (
    select issue_id, max(happened_at) as arrived_at
    from issue_event
    where kind = 'transferred'
    group by issue_id
),

-- Since when an issue is present without a break.
stay as (
    select issue_id, max(seen_at) as began_at
    from (
        select issue_id, seen_at
        from issue_sighting
        qualify state <> 'departed' and coalesce(lag(state) over (
            partition by issue_id order by sighting_number
        ) = 'departed', true)
    ) as beginning
    group by issue_id
),

known_whole as (
    select issue_id, max(fetched_at) as known_at
    from timeline
    where is_complete
    group by issue_id
),

-- Complete: no event since the issue came is older than what GitHub serves, and none was out of sight together with
-- its issue when the whole list was read. An issue may be younger than the list of issues that a walk belongs to.
walked as (
    select
        issue.repo_owner,
        issue.repo_name,
        issue.issue_id,
        walk.as_of_at as lifecycle_updated_at,
        coalesce(
            walk.complete_since_at is null
            or coalesce(arrival.arrived_at, issue.created_at) >= walk.complete_since_at
            or known_whole.known_at >= walk.complete_since_at,
            false
        ) and coalesce(
            stay.began_at <= walk.whole_walk_at
            or coalesce(arrival.arrived_at, issue.created_at) >= walk.whole_walk_at - interval 1 hour
            or known_whole.known_at >= stay.began_at,
            false
        ) as is_complete,
        walk.as_of_at as fetched_at
    from issue_current as issue
    cross join walk
    left join arrival using (issue_id)
    left join stay using (issue_id)
    left join known_whole using (issue_id)
    where not issue.is_pull_request and issue.departed_at is null and issue.created_at <= walk.as_of_at
),

collected as (
    select * from timeline
    union all
    select * from walked
)

select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, fetched_at
from collected
qualify row_number() over (partition by issue_id order by fetched_at desc, lifecycle_updated_at desc, is_complete) = 1
