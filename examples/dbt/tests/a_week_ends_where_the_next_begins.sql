-- The stock at a week's end is the one before and the week's changes; a row is a week that breaks it.
select *
from (
    select
        *,
        lag(open_at_end) over weeks as open_before,
        lag(week_start_date) over weeks as week_before
    from {{ ref('backlog_weekly') }}
    window weeks as (partition by repo_owner, repo_name order by week_start_date)
)
where week_before = week_start_date - 7 and open_at_end <> open_before + net_change
