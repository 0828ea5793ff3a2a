-- Grain: one row per window of flow_window, its counts and how many issues bots closed or moved away in it.
-- Key: window_days.
with bot_departure as (
    select make_timestamp(epoch_us(transitioned_at))::date as departed_date
    from issue_transitions
    where delta < 0 and (actor_type = 'Bot' or actor_login like '%[bot]')
),

bot as (
    select flow_window.window_days, count(*) as bot_departed_count
    from flow_window
    join bot_departure on departed_date between flow_window.start_date and flow_window.end_date
    group by flow_window.window_days
)

select
    window_days,
    flow_window.start_date,
    flow_window.end_date,
    flow_window.observed_days,
    flow_window.opened_count,
    flow_window.reopened_count,
    flow_window.transferred_in_count,
    flow_window.returned_count,
    flow_window.closed_count,
    flow_window.converted_count,
    flow_window.transferred_out_count,
    flow_window.deleted_count,
    flow_window.net_change,
    flow_window.open_at_end,
    coalesce(bot.bot_departed_count, 0) as bot_departed_count
from flow_window
left join bot using (window_days)
order by window_days
