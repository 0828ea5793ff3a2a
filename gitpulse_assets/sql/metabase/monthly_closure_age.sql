-- Grain: one row a UTC month: how old its issues were when last closed, of the closings in the window.
-- Closed issues alone are a biased sample: the months of gold_mart_issue_closure_age_monthly have Kaplan-Meier.
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

select
    date_trunc('month', closed_date)::date as closed_month,
    count(*) as closed_issues,
    quantile_cont(closure_age_days, 0.5) as median_days,
    quantile_cont(closure_age_days, 0.9) as p90_days
from closed
group by closed_month
order by closed_month
