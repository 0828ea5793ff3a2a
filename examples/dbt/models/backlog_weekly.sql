-- One row a repository and whole UTC week (Monday first): what moved the backlog, and where it stood.
select
    repo_owner,
    repo_name,
    date_trunc('week', flow_date)::date as week_start_date,
    sum(opened_count + reopened_count + transferred_in_count + returned_count)::bigint as arrived_count,
    sum(closed_count + converted_count + transferred_out_count + deleted_count)::bigint as left_count,
    sum(net_change)::bigint as net_change,
    max_by(open_at_end, flow_date) as open_at_end
from {{ source('gold', 'mart_issue_daily_flow') }}
group by all
having count(*) = 7
