-- Grain: one row: the window's exact flows and its last day's stock and 7-day sums; a census, no estimate.
-- Before the first day nothing was open, so an empty window has stocks of 0.
select
    count(*) as observed_days,
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
from mart_issue_daily_flow
