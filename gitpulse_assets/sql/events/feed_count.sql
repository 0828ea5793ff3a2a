-- Grain: one feed, type and hour of some events. Key: all three. An event is its repository's, whatever that was called
-- then, and its owner's, where both are followed. A feed whose repository's id is not known yet is met by its name.
-- $hidden: private repositories, of which an organisation's feed has nothing.
with followed as (
    select unnest($followed::struct(feed_name varchar, repository_id bigint)[], recursive := true)
),

hidden as (
    select unnest($hidden::struct(feed_name varchar, repository_id bigint)[], recursive := true)
),

counted as (
    select
        repository_id, lower(repository_name) as repository_name, split_part(lower(repository_name), '/', 1) || '/*' as owner_name,
        event_type, time_bucket(interval 1 hour, created_at) as event_hour_at, count(*) as event_count
    from sent
    where
        repository_id in (select repository_id from followed)
        or lower(repository_name) in (select feed_name from followed where repository_id is null)
        or split_part(lower(repository_name), '/', 1) || '/*' in (select feed_name from followed)
    group by all
)

select followed.feed_name, counted.event_type, counted.event_hour_at, sum(counted.event_count)::bigint as event_count
from counted
join followed
    on coalesce(counted.repository_id = followed.repository_id, counted.repository_name = followed.feed_name)
    or (
        counted.owner_name = followed.feed_name
        and not exists (
            from hidden
            where coalesce(hidden.repository_id = counted.repository_id, hidden.feed_name = counted.repository_name)
        )
    )
group by all
