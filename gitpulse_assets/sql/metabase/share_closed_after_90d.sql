-- Grain: one row: share (0 to 1) of the issues last closed in the window that took more than 90 days.
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

closed as (
    select issue.closed_date, issue.closure_age_days
    from gold_mart_issue_lifecycle as issue
    cross join bounds
    where
        repo_owner || '/' || repo_name = lower({{repository}})
        and is_closed
        and closed_date between start_date and end_date
)

select avg((closure_age_days > 90)::integer) as share
from closed
