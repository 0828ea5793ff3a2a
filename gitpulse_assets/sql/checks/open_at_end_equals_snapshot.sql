-- Proves that the history ends in what GitHub shows: the last open_at_end is the number of issues whose state is
-- open and that have not departed. Broken rows: the repositories where it is not, with both numbers.
with last_day as (
    select repo_owner, repo_name, max(flow_date) as flow_date, arg_max(open_at_end, flow_date) as open_at_end
    from mart_issue_daily_flow
    group by repo_owner, repo_name
),

snapshot as (
    select repo_owner, repo_name, count(*) filter (where state = 'open' and departed_at is null) as open_issue_count
    from issue_current
    where not is_pull_request
    group by repo_owner, repo_name
)

select
    repo_owner,
    repo_name,
    last_day.flow_date,
    coalesce(last_day.open_at_end, 0) as open_at_end,
    coalesce(snapshot.open_issue_count, 0) as open_issue_count
from last_day
full join snapshot using (repo_owner, repo_name)
where coalesce(last_day.open_at_end, 0) <> coalesce(snapshot.open_issue_count, 0)
