-- Grain: one row per UTC month of creation, none missing, from the first issue's to the as-of month. Key: repo_owner,
-- repo_name, month. A share is of the issues created so long before the as-of moment that they could have been
-- answered so soon.
with issue as (
    select
        repo_owner,
        repo_name,
        date_trunc('month', make_timestamp(epoch_us(created_at)))::date as month,
        (epoch_us($as_of_at::timestamptz) - epoch_us(created_at)) / 86400000000.0::double as age_days,
        coalesce(time_to_first_response_seconds, 1e300) / 86400.0::double as response_days
    from mart_first_response
),

answered as (
    select
        month,
        avg((response_days <= 1)::int) filter (where age_days >= 1) as share_answered_within_1d,
        avg((response_days <= 3)::int) filter (where age_days >= 3) as share_answered_within_3d,
        avg((response_days <= 7)::int) filter (where age_days >= 7) as share_answered_within_7d
    from issue
    group by month
),

bounds as (
    select repo_owner, repo_name, min(month) as first_month,
        greatest(max(month), date_trunc('month', make_timestamp(epoch_us($as_of_at::timestamptz)))::date) as last_month
    from issue
    group by repo_owner, repo_name
),

calendar as (
    select repo_owner, repo_name,
        unnest(generate_series(first_month::timestamp, last_month::timestamp, interval 1 month))::date as month
    from bounds
)

select
    repo_owner,
    repo_name,
    calendar.month,
    coalesce(month_wait.thread_count, 0)::bigint as issue_count,
    coalesce(month_wait.came_count, 0)::bigint as answered_count,
    month_wait.median_seconds as median_first_response_seconds,
    month_wait.p90_seconds as p90_first_response_seconds,
    month_wait.kaplan_meier_median_seconds as kaplan_meier_median_first_response_seconds,
    share_answered_within_1d,
    share_answered_within_3d,
    share_answered_within_7d
from calendar
left join answered on answered.month = calendar.month
left join month_wait on month_wait.month = calendar.month and month_wait.waited_for = 'issue_response'
