-- Proves that every closed issue is in exactly one month of the closure ages and that no month is missing.
-- Broken rows: the repositories whose totals differ, and the month after each gap.
with month as (
    select
        repo_owner,
        repo_name,
        closed_month,
        lag(closed_month) over (partition by repo_owner, repo_name order by closed_month) as previous_month
    from mart_issue_closure_age_monthly
),

monthly as (
    select repo_owner, repo_name, sum(closed_issue_count) as monthly_closed_count
    from mart_issue_closure_age_monthly
    group by repo_owner, repo_name
),

lifecycle as (
    select repo_owner, repo_name, count(*) filter (where is_closed) as closed_issue_count
    from mart_issue_lifecycle
    group by repo_owner, repo_name
)

select repo_owner, repo_name, null::date as closed_month, monthly_closed_count, closed_issue_count
from monthly
full join lifecycle using (repo_owner, repo_name)
where coalesce(monthly_closed_count, 0) <> coalesce(closed_issue_count, 0)
union all
select repo_owner, repo_name, closed_month, null, null
from month
where closed_month <> previous_month + interval 1 month
