-- Grain: one row per UTC day up to the last complete one before the as-of moment, none missing, at most the last
-- $observed_days: those the pace is estimated from. Key: flow_date.
-- The kinds are summed by what they mean to a maintainer: new work, work done, work undone.
select
    flow_date,
    opened_count + transferred_in_count + returned_count as intake_count,
    reopened_count,
    closed_count + converted_count + transferred_out_count + deleted_count as resolution_count
from mart_issue_daily_flow
where flow_date between
    make_timestamp(epoch_us($as_of_at::timestamptz))::date - $observed_days::integer
    and make_timestamp(epoch_us($as_of_at::timestamptz))::date - 1
order by flow_date
