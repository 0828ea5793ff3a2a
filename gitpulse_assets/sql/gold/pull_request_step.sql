-- Grain: one step that opens, closes, drafts or readies a pull request that is here. Relation, not published: how
-- often, when and for how long pull requests were open or drafts is counted from it and nowhere else.
-- Events in time order; the state before and after each is kept, so that a step that changes nothing (a second
-- closing, a draft made ready while closed) moves no stock. A merge is the closing at merged_at.
-- The snapshot is the truth at its end: what it says and no event tells takes effect at closed_at (a closing) or
-- updated_at (the rest), never before what was told. It contradicts no event that came after its record: that one
-- waits for the next record.
with told as (
    select
        pr.pull_request_number,
        event.event_type as kind,
        greatest(event.occurred_at, pr.created_at) as stepped_at,
        event.position,
        coalesce(event.closer_type = 'Commit', false) as is_by_commit
    from conversation_event as event
    join present_pull_request as pr on pr.pull_request_number = event.thread_number
    where
        event.event_type in ('closed', 'reopened', 'ready_for_review', 'convert_to_draft')
        and event.occurred_at <= pr.fetched_at
    -- A merge closes too: the last closing at or after it is its own.
    qualify event.event_type <> 'closed' or coalesce(stepped_at < pr.merged_at, true) or row_number() over (
        partition by pr.pull_request_number, event.event_type order by event.occurred_at desc, event.position desc
    ) > 1
),

last_told as (
    select
        pull_request_number,
        max(stepped_at) as last_at,
        arg_max(kind, (stepped_at, position)) filter (where kind in ('closed', 'reopened')) as last_moved,
        arg_max(kind, (stepped_at, position)) filter (where kind in ('ready_for_review', 'convert_to_draft'))
            as last_turned,
        arg_min(kind, (stepped_at, position)) filter (where kind in ('ready_for_review', 'convert_to_draft'))
            as first_turned
    from told
    group by pull_request_number
),

snapshot as (
    select
        pr.repo_owner,
        pr.repo_name,
        pr.pull_request_number,
        pr.state,
        coalesce(pr.is_draft, false) as is_draft,
        pr.created_at,
        pr.merged_at,
        greatest(coalesce(pr.closed_at, pr.updated_at), last_told.last_at) as closed_at,
        greatest(pr.updated_at, last_told.last_at) as updated_at,
        coalesce(pr.is_last_closing_by_commit, false) as is_listed_by_commit,
        last_told.last_moved is not distinct from 'closed' as is_told_closed,
        coalesce(last_told.first_turned = 'ready_for_review', last_told.first_turned is null and pr.is_draft, false)
            as is_opened_as_draft,
        case
            when last_told.last_turned is null then coalesce(pr.is_draft, false)
            else last_told.last_turned = 'convert_to_draft'
        end as is_told_draft
    from present_pull_request as pr
    left join last_told using (pull_request_number)
),

step as (
    select pull_request_number, kind, stepped_at, 1 as rank, position, is_by_commit
    from told
    union all
    select pull_request_number, if(is_opened_as_draft, 'opened_as_draft', 'opened'), created_at, 0, 0, false
    from snapshot
    union all
    select pull_request_number, if(is_draft, 'convert_to_draft', 'ready_for_review'), updated_at, 2, 0, false
    from snapshot
    where is_draft <> is_told_draft
    union all
    select pull_request_number, 'reopened', updated_at, 2, 1, false
    from snapshot
    where state = 'open' and is_told_closed
    union all
    -- No conversation tells it; REST's events may.
    select pull_request_number, 'closed', closed_at, 3, 0, is_listed_by_commit
    from snapshot
    where state = 'closed' and not is_told_closed
    union all
    select pull_request_number, 'merged', merged_at, 3, 0, false
    from snapshot
    where state = 'merged'
),

after as (
    select
        pull_request_number,
        kind,
        stepped_at,
        is_by_commit,
        rank,
        position,
        last_value(
            case
                when kind in ('opened', 'opened_as_draft', 'reopened') then true
                when kind in ('closed', 'merged') then false
            end ignore nulls
        ) over so_far as is_open,
        last_value(
            case
                when kind in ('opened_as_draft', 'convert_to_draft') then true
                when kind in ('opened', 'ready_for_review') then false
            end ignore nulls
        ) over so_far as is_draft
    from step
    window so_far as (
        partition by pull_request_number order by rank > 0, stepped_at, rank, position
        rows between unbounded preceding and current row
    )
)

select
    snapshot.repo_owner,
    snapshot.repo_name,
    pull_request_number,
    row_number() over in_order as step_number,
    kind,
    stepped_at,
    make_timestamp(epoch_us(stepped_at))::date as stepped_date,
    is_by_commit,
    lag(is_open, 1, false) over in_order as was_open,
    is_open,
    lag(after.is_draft, 1, false) over in_order as was_draft,
    after.is_draft,
    is_open::int - was_open::int as delta,
    (is_open and after.is_draft)::int - (was_open and was_draft)::int as draft_delta
from after
join snapshot using (pull_request_number)
window in_order as (partition by pull_request_number order by rank > 0, stepped_at, rank, position)
