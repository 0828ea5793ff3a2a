-- Grain: one row a UTC month: how old its issues were when last closed, of the closings in the window.
-- Closed issues alone are a biased sample: the months of gold_mart_issue_closure_age_monthly have Kaplan-Meier.
with {{snippet: window}}

select
    date_trunc('month', closed_date)::date as closed_month,
    count(*) as closed_issues,
    quantile_cont(closure_age_days, 0.5) as median_days,
    quantile_cont(closure_age_days, 0.9) as p90_days
from closed
group by closed_month
order by closed_month
