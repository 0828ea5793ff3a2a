-- Grain: one row a UTC day of the window: pull requests open at its end, and the drafts among them.
with {{snippet: window}}

select flow.flow_date, flow.open_at_end as open_pull_requests, flow.drafts_at_end as drafts
from gold_mart_pull_request_flow as flow
cross join bounds
where
    repo_owner || '/' || repo_name = lower({{repository}})
    and flow.flow_date between start_date and end_date
order by flow.flow_date
