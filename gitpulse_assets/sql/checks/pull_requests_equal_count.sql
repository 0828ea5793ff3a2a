-- Proves our pull requests by state against GitHub's own counts, taken before and after the newest walk: of counts at
-- rest, and of no records that came after them. Broken rows: states of which more or fewer are held. GitHub counts what
-- it hides from its lists: a difference with which two full walks ended, of the open ones or of the others, is its own.
with newest as (
    select
        repo_owner, repo_name, fetched_at, is_quiet,
        open_pull_request_count, merged_pull_request_count, closed_pull_request_count,
        if(is_known_pull_request_difference, our_open_pull_request_count - open_pull_request_count, 0) as known_open,
        if(
            is_known_pull_request_difference,
            our_closed_pull_request_count - merged_pull_request_count - closed_pull_request_count,
            0
        ) as known_closed
    from control_total
    qualify row_number() over (order by fetched_at desc) = 1
),

told as (
    select repo_owner, repo_name, fetched_at, unnest([
        {state: 'open', count: open_pull_request_count, known: known_open},
        {state: 'merged', count: merged_pull_request_count, known: known_closed},
        {state: 'closed', count: closed_pull_request_count, known: known_closed}
    ]) as told
    from newest
    where is_quiet
),

held as (
    select state, count(*) as held_count
    from pull_request_current
    where departed_at is null
    group by state
),

compared as (
    select
        told.repo_owner, told.repo_name, told.fetched_at, told.told.state as state, told.told.known as known,
        told.told.count as github_count, coalesce(held.held_count, 0) as held_count,
        -- What is hidden of those that ended may be merged or not.
        sum(held_count - github_count) over (partition by state = 'open') as difference
    from told
    left join held on told.told.state = held.state
)

select repo_owner, repo_name, state, github_count, held_count
from compared as told
where
    held_count <> github_count
    and coalesce(difference <> known, true)
    and not exists (select 1 from pull_request_current as pull where pull.fetched_at > told.fetched_at)
