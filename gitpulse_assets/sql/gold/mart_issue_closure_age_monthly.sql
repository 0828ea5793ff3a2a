-- Grain: one row per repository and UTC month, none missing (closure_cohort). Key: repo_owner, repo_name, closed_month.
-- A month belongs to the closing: the plain quantiles and shares describe the issues whose latest closing took effect in
-- it. They know nothing of the issues still open, which are the slow ones. Beside them stands the Kaplan-Meier median
-- of closure_survival (transform/survival.py), on the same clock (created to latest closing).
with closed as (
    select
        repo_owner,
        repo_name,
        date_trunc('month', closed_date)::date as closed_month,
        count(*) as closed_issue_count,
        quantile_cont(closure_age_days, 0.5) as median_closure_age_days,
        quantile_cont(closure_age_days, 0.9) as p90_closure_age_days,
        avg((closure_age_days <= 7)::int) as share_closed_within_7d,
        avg((closure_age_days > 90)::int) as share_closed_after_90d
    from mart_issue_lifecycle
    where is_closed
    group by repo_owner, repo_name, closed_month
)

select
    months.repo_owner,
    months.repo_name,
    months.month_start::date as closed_month,
    coalesce(closed.closed_issue_count, 0)::bigint as closed_issue_count,
    closed.median_closure_age_days,
    closed.p90_closure_age_days,
    closed.share_closed_within_7d,
    closed.share_closed_after_90d,
    closure_survival.median_age_days as kaplan_meier_median_closure_age_days,
    closure_survival.issue_count as cohort_issue_count,
    closure_survival.censored_count as cohort_censored_count
from closure_cohort as months
inner join closure_survival using (month_start)
left join closed
    on closed.repo_owner = months.repo_owner
    and closed.repo_name = months.repo_name
    and closed.closed_month = months.month_start
