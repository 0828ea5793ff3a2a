-- Grain: one row per window of $windows_days, which ends with the last complete UTC day before the as-of moment.
-- Key: window_days.
-- Exact counts of the daily flow, bulk movements included, and its last day's stock and 7-day sums: a census, no
-- estimate. Before the first day nothing was open, so an empty window has stocks of 0.
-- observed_days tells how many of the window's days the ledger reaches back; a young repository has fewer.
with windows as (
    select
        unnest($windows_days::bigint[]) as window_days,
        make_timestamp(epoch_us($as_of_at::timestamptz))::date - 1 as window_end_date
)

select
    window_days,
    window_end_date - window_days::integer + 1 as start_date,
    window_end_date as end_date,
    count(flow_date) as observed_days,
    coalesce(sum(opened_count), 0)::bigint as opened_count,
    coalesce(sum(reopened_count), 0)::bigint as reopened_count,
    coalesce(sum(transferred_in_count), 0)::bigint as transferred_in_count,
    coalesce(sum(returned_count), 0)::bigint as returned_count,
    coalesce(sum(closed_count), 0)::bigint as closed_count,
    coalesce(sum(converted_count), 0)::bigint as converted_count,
    coalesce(sum(transferred_out_count), 0)::bigint as transferred_out_count,
    coalesce(sum(deleted_count), 0)::bigint as deleted_count,
    coalesce(sum(net_change), 0)::bigint as net_change,
    coalesce(arg_max(open_at_end, flow_date), 0)::bigint as open_at_end,
    coalesce(arg_max(rolling_7d_opened, flow_date), 0)::bigint as rolling_7d_opened,
    coalesce(arg_max(rolling_7d_closed, flow_date), 0)::bigint as rolling_7d_closed,
    coalesce(arg_max(rolling_7d_net_change, flow_date), 0)::bigint as rolling_7d_net_change
from windows
left join mart_issue_daily_flow
    on flow_date between window_end_date - window_days::integer + 1 and window_end_date
group by window_days, window_end_date
order by window_days
