-- Grain: one feed, type and hour in which the feed is proven whole. Key: all three. What is held of its events.
with held as (
    select
        lower(repository_name) as repository_name, split_part(lower(repository_name), '/', 1) || '/*' as owner_name,
        event_type, time_bucket(interval 1 hour, created_at) as event_hour_at
    from stored_event
    where created_at >= $first_hour_at and created_at < $last_hour_at + interval 1 hour
),

named as (
    select repository_name, event_type, event_hour_at from held
    union all
    select held.owner_name as repository_name, held.event_type, held.event_hour_at
    from held
    anti join private_feed using (repository_name)
)

select repository_name, event_type, event_hour_at, count(*) as event_count
from named
semi join feed_hour using (repository_name, event_hour_at)
anti join private_feed using (repository_name)
group by all
