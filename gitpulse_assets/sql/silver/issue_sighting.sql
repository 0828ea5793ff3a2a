-- Grain: one issue and seen change of state. Key: repo_owner, repo_name, issue_id, sighting_number.
-- Every usable record counts, also one that a later record of the same merge replaces: it is how a closing between
-- two runs is known to have been undone. A record older than one seen before (a late page, a stale replica) tells
-- nothing new and is left out. A record seen after a departure is a return. Follows the order things were fetched
-- in, so that merging run by run or all at once gives the same rows.
with seen as (
    select
        repo_owner, repo_name, issue_id, seen_at, state, state_reason, closed_at, updated_at,
        departure_kind, departed_at, departed_to,
        0 as is_new, 0 as run_sequence, 0 as page_number, sighting_number as record_number
    from stored_issue_sighting
    semi join touched_issue using (issue_id)
    union all
    select
        repo_owner, repo_name, issue_id, fetched_at, state, state_reason, closed_at, updated_at,
        null, null, null,
        1, run_sequence, page_number, record_number
    from issue_record
    where rule is null
    union all
    -- A run finds out about departures after it walked the list. What can be read of an issue at its new place says
    -- whether it was closed when it left.
    select
        lower(repo_owner), lower(repo_name), issue_id, fetched_at, 'departed', null,
        case
            when try_cast(try(payload_json ->> '$.closedAt') as timestamptz) <= departed_at
                then try_cast(try(payload_json ->> '$.closedAt') as timestamptz)
        end,
        null,
        kind, departed_at, departed_to,
        1, o.run_sequence, 2147483647, 0
    from bronze_departure
    join run_order as o using (run_id)
),

ordered as (
    select
        seen.*,
        row_number() over in_order as place,
        greatest(
            max(seen.updated_at) over (in_order rows between unbounded preceding and 1 preceding),
            if(seen.is_new = 1, stored.updated_at, null)
        ) as newest_before
    from seen
    left join (select issue_id, updated_at from stored_issue_current) as stored using (issue_id)
    window in_order as (
        partition by seen.issue_id order by seen_at, is_new, run_sequence, page_number, record_number
    )
),

changed as (
    select *
    from ordered
    where newest_before is null or updated_at is null or updated_at >= newest_before
    qualify
        place = min(place) over (partition by issue_id)
        or (state, closed_at, departure_kind, departed_at, departed_to) is distinct from lag(
            (state, closed_at, departure_kind, departed_at, departed_to)
        ) over (partition by issue_id order by place)
)

select
    repo_owner,
    repo_name,
    issue_id,
    row_number() over (partition by issue_id order by place) as sighting_number,
    seen_at,
    state,
    state_reason,
    closed_at,
    updated_at,
    departure_kind,
    departed_at,
    departed_to
from changed
