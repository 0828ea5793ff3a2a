-- Grain: one row a UTC day: change of the backlog in the 7 days up to it, by all eight flows.
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

select flow_date, rolling_7d_net_change as net_change_in_7_days
from days
order by flow_date
