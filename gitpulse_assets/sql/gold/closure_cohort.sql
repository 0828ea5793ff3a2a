-- Grain: one row per UTC month, none missing, from the first month with an issue or a closing to the last month of the
-- daily flow. Key: repo_owner, repo_name, month_start. end_us: up to when the month's cohort is followed.
with closing as (
    select repo_owner, repo_name, min(closed_date) as first_date, max(closed_date) as last_date
    from mart_issue_lifecycle
    where is_closed
    group by repo_owner, repo_name
),

bounds as (
    select
        repo_owner,
        repo_name,
        date_trunc('month', least(min(flow_date), min(closing.first_date))) as first_month,
        date_trunc('month', greatest(max(flow_date), max(closing.last_date))) as last_month
    from mart_issue_daily_flow
    left join closing using (repo_owner, repo_name)
    group by repo_owner, repo_name
),

calendar as (
    select
        repo_owner,
        repo_name,
        unnest(generate_series(first_month::timestamp, last_month::timestamp, interval 1 month)) as month_start
    from bounds
)

select
    repo_owner,
    repo_name,
    month_start,
    -- The month's last microsecond: midnight itself, and what happens on it, belong to the next month.
    least(epoch_us(month_start + interval 1 month) - 1, epoch_us($as_of_at::timestamptz)) as end_us
from calendar
order by month_start
