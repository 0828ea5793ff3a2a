-- Grain: one issue (never a pull request) whose newest record is newer than the timeline known of it.
-- Read before the merge, so records and timelines are those stored and those not merged yet. What counts is the
-- issue's own updated_at, which every event moves: a record fetched again in the watermark's overlap asks nothing.
-- Times are whole seconds and clocks differ: a timeline fetched within a minute of its updated_at may lack what the
-- same second brought, and is asked for once more. A timeline of which GitHub left a part out, or which it did not
-- serve at all (known then as far as it was asked for), is asked for again when its issue changed and by a full
-- refresh ($is_full) only: what it never gives whole then costs a hundredth of a point a week, not a run. So is one
-- that lacks what the server was too old to tell, unless that is still so ($lost).
with record as (
    select issue_id, issue_node_id, issue_number, updated_at, is_pull_request
    from stored_issue_current
    where departed_at is null
    union all
    select
        issue_id,
        payload_json ->> '$.node_id',
        try_cast(payload_json ->> '$.number' as bigint),
        issue_updated_at,
        coalesce(payload_json -> '$.pull_request', 'null') <> 'null'
    from bronze_issues
    where issue_id is not null and issue_updated_at is not null
),

newest as (
    select
        issue_id,
        arg_max(issue_node_id, updated_at) as issue_node_id,
        arg_max(issue_number, updated_at) as issue_number,
        max(updated_at) as updated_at,
        bool_or(is_pull_request) as is_pull_request
    from record
    group by issue_id
),

timeline as (
    select issue_id, lifecycle_updated_at, fetched_at, is_complete, left_out
    from stored_lifecycle_coverage
    union all
    select
        issue_id,
        coalesce(
            try_cast(payload_json ->> '$.updatedAt' as timestamptz),
            if(source = 'graphql' and not is_complete, fetched_at, null)
        ),
        fetched_at,
        is_complete,
        left_out
    from bronze_issue_timeline
),

known as (
    select
        issue_id,
        max(lifecycle_updated_at) as lifecycle_updated_at,
        max(fetched_at) < max(lifecycle_updated_at) + interval 1 minute as is_early,
        arg_max(is_complete, fetched_at) as is_complete,
        arg_max(coalesce(left_out, []), fetched_at) as left_out
    from timeline
    group by issue_id
)

select newest.issue_id, newest.issue_node_id, newest.issue_number
from newest
left join known using (issue_id)
where
    not newest.is_pull_request
    and newest.issue_node_id is not null
    and (
        known.lifecycle_updated_at is null
        or newest.updated_at > known.lifecycle_updated_at
        or (newest.updated_at = known.lifecycle_updated_at and known.is_early)
        or (
            $is_full
            and (not known.is_complete or not list_has_all($lost::varchar[], known.left_out))
        )
    )
