-- Grain: one hour and type of the day. What stood there, without the parts made anew, and with the new one.
-- Deliberate: a count of 0 stays, of an hour whose events have all ended by their age; one that never had any has no row.
with counted as (
    select event_hour_at, event_type, event_count from stored_event_hour
    union all
    select time_bucket(interval 1 hour, created_at) as event_hour_at, event_type, -count(*) as event_count
    from rewritten
    group by all
    union all
    select time_bucket(interval 1 hour, created_at) as event_hour_at, event_type, count(*) as event_count
    from winner
    group by all
)

select event_hour_at, event_type, sum(event_count)::bigint as event_count
from counted
group by event_hour_at, event_type
order by event_hour_at, event_type
