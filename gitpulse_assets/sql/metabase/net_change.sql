-- Grain: one row: change of the open backlog in the window, by all eight flows.
with last as (
    select any_value(window_end_date) as last_date
    from gold_mart_backlog_verdict
    where repo_owner || '/' || repo_name = lower({{repository}})
),

bounds as (
    select
        least(last_date [[, {{last_day}}::date]]) as end_date,
        end_date - {{window_days}}::integer + 1 as start_date
    from last
),

days as (
    select flow.*
    from gold_mart_issue_daily_flow as flow
    cross join bounds
    where
        repo_owner || '/' || repo_name = lower({{repository}})
        and flow_date between start_date and end_date
)

select coalesce(sum(net_change), 0)::bigint as net_change
from days
