-- What every card over a window begins with: its bounds, and the days and the last closings within them.
last as (
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
),

closed as (
    select issue.closed_date, issue.closure_age_days
    from gold_mart_issue_lifecycle as issue
    cross join bounds
    where
        repo_owner || '/' || repo_name = lower({{repository}})
        and is_closed
        and closed_date between start_date and end_date
)
