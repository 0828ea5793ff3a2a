-- Grain: one feed, type and hour of a chunk. Key: all three. An event is its repository's and its owner's, where
-- both are followed.
with named as (
    select lower(repository_name) as repository_name, event_type, time_bucket(interval 1 hour, created_at) as event_hour_at
    from sent
),

followed as (
    select unnest($followed::varchar[]) as feed_name
),

counted as (
    select repository_name, event_type, event_hour_at, count(*) as event_count
    from named
    where
        repository_name in (select feed_name from followed)
        or split_part(repository_name, '/', 1) || '/*' in (select feed_name from followed)
    group by all
)

select feed_name, event_type, event_hour_at, sum(event_count)::bigint as event_count
from counted
join followed on feed_name in (repository_name, split_part(repository_name, '/', 1) || '/*')
group by all
