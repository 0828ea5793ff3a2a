-- Grain: one issue and seen change of state. Key: repo_owner, repo_name, issue_id, sighting_number.
-- Every usable record counts, also one that a later record of the same merge replaces: it is how a closing between
-- two runs is known to have been undone. A record older than one seen before (a late page, a stale replica) tells
-- nothing new and is left out. A record seen after a departure is a return. Follows the order things were fetched
-- in, so that merging run by run or all at once gives the same rows, also where a slow run stores what it
-- fetched after a later one was merged.
-- An issue that was turned into a pull request keeps its id and number: as an issue it departed, converted.
with stored as (
    select issue_id, fetched_at, updated_at, is_pull_request
    from stored_issue_current
),

seen as (
    select
        repo_owner, repo_name, issue_id, seen_at, state, state_reason, closed_at, updated_at,
        departure_kind, departed_at, departed_to, null as is_pull_request,
        0 as is_new, 0 as run_sequence, 0 as page_number, sighting_number as record_number
    from stored_issue_sighting
    semi join touched_issue using (issue_id)
    union all
    select
        repo_owner, repo_name, issue_id, fetched_at, state, state_reason, closed_at, updated_at,
        null, null, null, is_pull_request,
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
        kind, departed_at, departed_to, null,
        1, o.run_sequence, 2147483647, 0
    from bronze_departure
    join run_order as o using (run_id)
),

ordered as (
    select
        seen.*,
        row_number() over in_order as place,
        seen.is_new = 1 and coalesce(seen.seen_at >= stored.fetched_at, false) as is_after_stored,
        greatest(
            max(seen.updated_at) over (in_order rows between unbounded preceding and 1 preceding),
            if(is_after_stored, stored.updated_at, null)
        ) as newest_before,
        coalesce(
            seen.is_pull_request and (
                bool_or(not seen.is_pull_request or seen.departure_kind = 'converted') over (
                    in_order rows between unbounded preceding and 1 preceding
                )
                or (is_after_stored and not stored.is_pull_request)
            ),
            false
        ) as was_issue
    from seen
    left join stored using (issue_id)
    window in_order as (
        partition by seen.issue_id order by seen_at, is_new, run_sequence, page_number, record_number
    )
),

told as (
    select
        * exclude (state, state_reason, closed_at, departure_kind),
        if(was_issue, 'departed', state) as state,
        if(was_issue, null, state_reason) as state_reason,
        if(was_issue, null, closed_at) as closed_at,
        if(was_issue, 'converted', departure_kind) as departure_kind
    from ordered
),

changed as (
    select *
    from told
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
