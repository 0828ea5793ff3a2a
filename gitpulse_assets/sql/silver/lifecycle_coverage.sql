-- Grain: one issue whose lifecycle was collected. Key: repo_owner, repo_name, issue_id. Here: of covered_issue.
-- How far it is known: by GraphQL the issue's own updated_at at the time, which every later event moves. A walk of
-- the REST issue events tells of all issues present at once, also of those without any event, up to when it began.
-- A departure that came with the issue's timeline tells all there was here.
-- The latest collection counts: a timeline that came whole after one that was cut short is whole. One that GitHub did
-- not serve is known as far as it was asked for, and not whole.
with timeline as (
    select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, left_out, fetched_at
    from stored_lifecycle_coverage
    semi join covered_issue using (issue_id)
    union all
    select repo_owner, repo_name, issue_id, coalesce(issue_updated_at, fetched_at), is_complete, left_out, fetched_at
    from timeline_record
    where (is_readable or is_unserved) and issue_id is not null and source = 'graphql' and not is_pull_request
    union all
    select
        gone.repo_owner, gone.repo_name, gone.issue_id, gone.fetched_at,
        not coalesce(gone.p.timelineItems.pageInfo.hasNextPage, false),
        stored.left_out,
        gone.fetched_at
    from departure_record as gone
    left join stored_lifecycle_coverage as stored using (issue_id)
    where gone.p.timelineItems.nodes is not null
),

walk as (
    select as_of_at, complete_since_at, whole_walk_at, coalesce(lacked_count, 0) as lacked_count
    from bronze_event_walk
    qualify row_number() over (partition by as_of_at order by fetched_at desc) = 1
),

arrival as (
    select issue_id, max(happened_at) as arrived_at
    from issue_event
    where kind = 'transferred'
    group by issue_id
),

-- Since when an issue is present without a break.
sighted as (
    select
        issue_id, sighting_number, seen_at, state,
        max(seen_at) filter (where is_beginning) over (
            partition by issue_id order by sighting_number
        ) as stay_began_at
    from (
        select *, state <> 'departed' and coalesce(lag(state) over (
            partition by issue_id order by sighting_number
        ) = 'departed', true) as is_beginning
        from issue_sighting
    ) as beginning
),

-- The issues that were present when a walk began: what departed before had no events in it.
present as (
    select walk.*, sighted.issue_id, sighted.state, sighted.stay_began_at
    from walk
    join sighted on walk.as_of_at >= sighted.seen_at
    qualify row_number() over (
        partition by walk.as_of_at, sighted.issue_id order by sighted.sighting_number desc
    ) = 1
),

known_whole as (
    select issue_id, max(fetched_at) as known_at
    from timeline
    where is_complete
    group by issue_id
),

-- Complete: no event since the issue came is older than what GitHub serves, no page of theirs was short, and none was
-- out of sight together with its issue when the whole list was read. An issue may be younger than the list of issues that a walk belongs to.
walked as (
    select
        issue.repo_owner,
        issue.repo_name,
        issue.issue_id,
        present.as_of_at as lifecycle_updated_at,
        present.lacked_count = 0 and coalesce(
            present.complete_since_at is null
            or coalesce(arrival.arrived_at, issue.created_at) >= present.complete_since_at
            or known_whole.known_at >= present.complete_since_at,
            false
        ) and coalesce(
            present.stay_began_at <= present.whole_walk_at
            or coalesce(arrival.arrived_at, issue.created_at) >= present.whole_walk_at - interval 1 hour
            or known_whole.known_at >= present.stay_began_at,
            false
        ) as is_complete,
        null as left_out,
        present.as_of_at as fetched_at
    from issue_current as issue
    join present using (issue_id)
    left join arrival using (issue_id)
    left join known_whole using (issue_id)
    where not issue.is_pull_request and present.state <> 'departed'
),

collected as (
    select * from timeline
    union all
    select * from walked
)

select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, left_out, fetched_at
from collected
qualify row_number() over (partition by issue_id order by fetched_at desc, lifecycle_updated_at desc, is_complete) = 1
