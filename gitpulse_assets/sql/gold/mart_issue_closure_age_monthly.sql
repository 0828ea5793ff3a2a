-- Grain: one row per repository and UTC month, none missing, from the first month with an issue or a closing to
-- the last month of the daily flow. Key: repo_owner, repo_name, closed_month. A month belongs to the closing:
-- the plain quantiles and shares describe the issues whose latest closing took effect in it.
-- They know nothing of the issues still open, which are the slow ones. Beside them stands the Kaplan-Meier median
-- on the same clock (created to latest closing): the issues created in the 365 days up to the month's end (on the
-- last month: the as-of moment), those open at that end counted as "longer than this" and not left out; an issue
-- that departed open is followed until it left. 365 days because a shorter cohort cannot reach the median of a slow
-- repository and a longer one answers for years long gone. The first age at which no more than half are left is
-- the median; none when more than half outlast what could be observed.
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
),

bounds as (
    select
        repo_owner,
        repo_name,
        date_trunc('month', least(min(flow_date), min(closed_month))) as first_month,
        date_trunc('month', greatest(max(flow_date), max(closed_month))) as last_month
    from mart_issue_daily_flow
    left join closed using (repo_owner, repo_name)
    group by repo_owner, repo_name
),

calendar as (
    select
        repo_owner,
        repo_name,
        unnest(generate_series(first_month::timestamp, last_month::timestamp, interval 1 month)) as month_start
    from bounds
),

months as (
    select
        repo_owner,
        repo_name,
        month_start,
        year(month_start) * 12 + month(month_start) as month_num,
        -- The month's last microsecond: midnight itself, and what happens on it, belong to the next month.
        least(epoch_us(month_start + interval 1 month) - 1, epoch_us($as_of_at::timestamptz)) as end_us,
        row_number() over (order by repo_owner, repo_name, month_start) as cohort_num
    from calendar
),

-- Cohorts overlap: an issue belongs to at most 13 of them, found by month number instead of a range join. From
-- here to the medians only the cohort's number is carried: these are 12 rows an issue, all in memory to be sorted.
issue_month as (
    select
        repo_owner,
        repo_name,
        epoch_us(created_at) as created_us,
        closure_age_days,
        (epoch_us(departed_at) - epoch_us(created_at)) / 86400000000.0::double as departure_age_days,
        year(created_date) * 12 + month(created_date) + unnest(range(13)) as month_num
    from mart_issue_lifecycle
),

observed as (
    select
        cohort_num,
        least(closure_age_days, departure_age_days, (end_us - created_us) / 86400000000.0::double) as age_days,
        coalesce(closure_age_days <= age_days, false) as is_closing
    from issue_month
    join months using (repo_owner, repo_name, month_num)
    where created_us <= end_us and created_us > end_us - 365 * 86400000000
),

at_risk as (
    select
        cohort_num,
        age_days,
        is_closing,
        row_number() over (partition by cohort_num order by age_days desc, is_closing) as at_risk_count
    from observed
),

-- Closings at one age one after the other give the same product as all at once, if they come before the censored.
survival as (
    select
        cohort_num,
        age_days,
        is_closing,
        product(if(is_closing, (at_risk_count - 1.0::double) / at_risk_count, 1.0::double)) over (
            partition by cohort_num order by at_risk_count desc rows between unbounded preceding and current row
        ) as surviving_share
    from at_risk
),

kaplan_meier as (
    select
        cohort_num,
        count(*) as cohort_issue_count,
        count(*) filter (where not is_closing) as cohort_censored_count,
        -- The products are rounded: a share of exactly one half can come out a few last bits above it.
        min(age_days) filter (where is_closing and surviving_share <= 0.5 + 1e-9)
            as kaplan_meier_median_closure_age_days
    from survival
    group by cohort_num
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
    kaplan_meier.kaplan_meier_median_closure_age_days,
    coalesce(kaplan_meier.cohort_issue_count, 0)::bigint as cohort_issue_count,
    coalesce(kaplan_meier.cohort_censored_count, 0)::bigint as cohort_censored_count
from months
left join closed
    on closed.repo_owner = months.repo_owner
    and closed.repo_name = months.repo_name
    and closed.closed_month = months.month_start
left join kaplan_meier using (cohort_num)
