-- Proves our pull requests by state against GitHub's own counts, taken before and after the newest walk: of counts at
-- rest, and of no records that came after them. Broken rows: states of which more or fewer are held. GitHub counts what
-- it hides from its lists.
with newest as (
    select repo_owner, repo_name, fetched_at, is_quiet, open_pull_request_count, merged_pull_request_count, closed_pull_request_count
    from control_total
    qualify row_number() over (order by fetched_at desc) = 1
),

told as (
    select repo_owner, repo_name, fetched_at, unnest([
        {state: 'open', count: open_pull_request_count},
        {state: 'merged', count: merged_pull_request_count},
        {state: 'closed', count: closed_pull_request_count}
    ]) as told
    from newest
    where is_quiet
),

held as (
    select state, count(*) as held_count
    from pull_request_current
    where departed_at is null
    group by state
)

select
    told.repo_owner, told.repo_name, told.told.state as state, told.told.count as github_count,
    coalesce(held.held_count, 0) as held_count
from told
left join held on told.told.state = held.state
where
    told.told.count <> coalesce(held.held_count, 0)
    and not exists (select 1 from pull_request_current as pull where pull.fetched_at > told.fetched_at)
