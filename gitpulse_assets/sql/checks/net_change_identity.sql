-- Proves that net_change is what entered less what left, on every day. Broken rows: the days where it is not.
select
    repo_owner,
    repo_name,
    flow_date,
    net_change,
    opened_count + reopened_count + transferred_in_count + returned_count as entered_count,
    closed_count + converted_count + transferred_out_count + deleted_count as left_count
from mart_issue_daily_flow
where net_change is distinct from entered_count - left_count
