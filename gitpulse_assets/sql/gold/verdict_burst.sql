-- Grain: one row per burst that may matter, UTC day it touches and kind group. A burst is a run of movements one way by one actor,
-- each within an hour of the one before. Key: delta, actor_login, started_at, flow_date, is_reopening.
-- A gap and not a calendar hour or day, so that a clean-up across midnight stays one. Movements without a known
-- actor count as one actor's, within 5 minutes of each other: where there is no lifecycle history a script's
-- clean-up still shows, while an hour would chain the work of different people. What only our own look dates is no
-- burst: departures, returns and reopenings of many days are noticed in the second a walk misses or meets them.
with movement as (
    select
        delta,
        coalesce(actor_login, '') as actor_login,
        coalesce(actor_type = 'Bot' or actor_login like '%[bot]', false) as is_bot,
        kind = 'reopened' as is_reopening,
        transitioned_at,
        make_timestamp(epoch_us(transitioned_at))::date as flow_date
    from issue_transitions
    where transitioned_at < date_trunc('day', $as_of_at::timestamptz)
        and transitioned_at >= date_trunc('day', $as_of_at::timestamptz) - to_days($observed_days::integer)
        and (known_by <> 'inferred' or kind = 'closed')
),

marked as (
    select
        *,
        coalesce(
            transitioned_at - lag(transitioned_at) over actor
            > if(actor_login = '', interval 5 minutes, interval 1 hour),
            true
        ) as is_first
    from movement
    window actor as (partition by delta, actor_login order by transitioned_at)
),

numbered as (
    select
        *,
        sum(is_first::integer) over (
            partition by delta, actor_login order by transitioned_at rows unbounded preceding
        ) as burst_number
    from marked
),

days as (
    select
        delta,
        actor_login,
        burst_number,
        flow_date,
        is_reopening,
        bool_or(is_bot) as is_bot,
        min(transitioned_at) as first_at,
        count(*) as day_count
    from numbered
    group by delta, actor_login, burst_number, flow_date, is_reopening
),

bursts as (
    select delta, actor_login, burst_number, min(first_at) as started_at, sum(day_count)::bigint as burst_count
    from days
    group by delta, actor_login, burst_number
)

select
    delta,
    actor_login,
    is_bot,
    is_reopening,
    started_at,
    flow_date,
    burst_count,
    day_count
from days
inner join bursts using (delta, actor_login, burst_number)
-- Of bursts too small to be bulk only each day's largest counts, for what is usual.
qualify
    burst_count >= $fewest_bulk
    or row_number() over (
        partition by delta, date_trunc('day', started_at)
        order by burst_count desc, actor_login, flow_date, is_reopening, started_at
    ) = 1
order by started_at, delta, actor_login, flow_date, is_reopening
