-- Grain: one row per UTC month, none missing, from the first act of a human to the as-of month. Key: repo_owner,
-- repo_name, month. The absence factor is of the pull requests merged in the 365 days up to the month's last moment
-- (in the last month: the as-of moment), by their authors, bots apart.
with act as (
    select
        repo_owner,
        repo_name,
        person_id,
        acted_at,
        date_trunc('month', acted_date)::date as month,
        lag(acted_at) over person_acts as last_acted_at,
        count(*) over (partition by person_id) as act_count
    from conversation_act
    where is_human
    window person_acts as (partition by person_id order by acted_at)
),

active as (
    select
        month,
        count(distinct person_id) as active_count,
        count(distinct person_id) filter (where last_acted_at is null) as new_count,
        count(distinct person_id) filter (
            where epoch_us(acted_at) - epoch_us(last_acted_at) >= 180 * 86400000000
        ) as returning_count,
        count(distinct person_id) filter (
            where act_count = 1 and epoch_us($as_of_at::timestamptz) - epoch_us(acted_at) > 90 * 86400000000
        ) as one_time_count
    from act
    group by month
),

bounds as (
    select repo_owner, repo_name, min(month) as first_month,
        greatest(max(month), date_trunc('month', make_timestamp(epoch_us($as_of_at::timestamptz)))::date) as last_month
    from act
    group by repo_owner, repo_name
),

months as (
    select
        repo_owner,
        repo_name,
        unnest(generate_series(first_month::timestamp, last_month::timestamp, interval 1 month)) as month_start,
        -- The month's last microsecond: midnight itself, and what happens on it, belong to the next month.
        least(epoch_us(month_start + interval 1 month) - 1, epoch_us($as_of_at::timestamptz)) as end_us,
        year(month_start) * 12 + month(month_start) as month_num
    from bounds
),

-- A merge belongs to at most 13 of the years, found by month number instead of a range join.
merged as (
    select
        author.person_id,
        epoch_us(lifecycle.merged_at) as merged_us,
        year(make_timestamp(merged_us)) * 12 + month(make_timestamp(merged_us)) + unnest(range(13)) as month_num
    from mart_pull_request_lifecycle as lifecycle
    join conversation_act as author
        on author.thread_number = lifecycle.pull_request_number and author.act_kind = 'opening'
    where lifecycle.merged_at is not null and author.is_human
),

made as (
    select months.month_start, merged.person_id, count(*) as merged_count
    from merged
    join months using (month_num)
    where merged.merged_us <= months.end_us and merged.merged_us > months.end_us - 365 * 86400000000
    group by months.month_start, merged.person_id
),

ranked as (
    select
        month_start,
        row_number() over by_most as place,
        sum(merged_count) over by_most as so_far,
        sum(merged_count) over (partition by month_start) as total
    from made
    window by_most as (
        partition by month_start order by merged_count desc, person_id
        rows between unbounded preceding and current row
    )
),

absence as (
    select month_start, min(place) as absence_factor
    from ranked
    where 2 * so_far >= total
    group by month_start
)

select
    months.repo_owner,
    months.repo_name,
    months.month_start::date as month,
    coalesce(active.active_count, 0)::bigint as active_count,
    coalesce(active.new_count, 0)::bigint as new_count,
    coalesce(active.returning_count, 0)::bigint as returning_count,
    coalesce(active.one_time_count, 0)::bigint as one_time_count,
    absence.absence_factor
from months
left join active on active.month = months.month_start::date
left join absence using (month_start)
