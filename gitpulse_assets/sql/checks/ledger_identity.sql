-- Proves that the stock follows from the flows: open_at_end = the day before's + net_change, from an empty backlog
-- before the first day. The stock is summed from the ledger's delta and the flows are counted by kind, so a kind
-- that no flow counts, or one with the wrong sign, shows here. Broken rows: the days where the two part.
select
    repo_owner,
    repo_name,
    flow_date,
    coalesce(
        lag(open_at_end) over (partition by repo_owner, repo_name order by flow_date), 0
    ) as open_the_day_before,
    net_change,
    open_at_end
from mart_issue_daily_flow
qualify open_at_end is distinct from open_the_day_before + net_change
