-- Days on which what is open, or what are drafts, is not yesterday's and the day's flows.
select
    repo_owner,
    repo_name,
    flow_date,
    open_at_end,
    coalesce(lag(open_at_end) over by_day, 0) + opened_count + reopened_count - merged_count - closed_unmerged_count
        as open_by_flows,
    drafts_at_end,
    coalesce(lag(drafts_at_end) over by_day, 0) + opened_as_draft_count + converted_to_draft_count
        + draft_reopened_count - ready_count - draft_closed_count as drafts_by_flows
from mart_pull_request_flow
window by_day as (partition by repo_owner, repo_name order by flow_date)
qualify open_at_end <> open_by_flows or drafts_at_end <> drafts_by_flows
