-- Grain: one count of a repository's stars that cannot be, against the count before it. Key: repository_name, counted_at.
-- Stars that are taken back leave no event, so a count may grow by less than was given, never by more: where it does,
-- and the feed is proven whole all that time, events are missing or the count is wrong. None at all after ten is no count.
-- An event is a feed's by the repository's id, whatever that was called then, and by the feed's name, whoever had it then.
-- Deliberate: a few minutes on both ends, since a count and an event of the same moment do not show at once.
with reading as (
    select
        lower(repository_name) as repository_name, counted_at, star_count,
        lag(counted_at) over one as before_at, lag(star_count) over one as count_before
    from star_count
    window one as (partition by lower(repository_name) order by counted_at)
),

hour as (
    select
        reading.repository_name, reading.counted_at,
        date_diff('hour', reading.before_at, reading.counted_at) + 1 as hour_count,
        sum(
            date_diff(
                'hour',
                greatest(feed_hours.first_hour_at, reading.before_at),
                least(feed_hours.last_hour_at, reading.counted_at)
            ) + 1
        -- Where no hour is whole, the ends that are null would be passed over and all hours counted.
        ) filter (feed_hours.first_hour_at is not null) as whole_hour_count
    from reading
    left join feed_hours
        on feed_hours.repository_name = reading.repository_name
        and feed_hours.last_hour_at >= time_bucket(interval 1 hour, reading.before_at)
        and feed_hours.first_hour_at <= reading.counted_at
    where reading.before_at is not null
    group by all
),

star as (
    select followed.feed_name as repository_name, star_given.event_id, star_given.created_at
    from star_given
    join followed using (repository_id)
    union
    select lower(repository_name) as repository_name, event_id, created_at
    from star_given
    where lower(repository_name) in (select repository_name from reading)
),

given as (
    select reading.repository_name, reading.counted_at, count(star.created_at) as given_count
    from reading
    left join star
        on star.repository_name = reading.repository_name
        and star.created_at > reading.before_at - interval 5 minute
        and star.created_at <= reading.counted_at + interval 5 minute
    group by all
),

judged as (
    select
        reading.repository_name, reading.before_at, reading.counted_at, reading.count_before, reading.star_count,
        given.given_count,
        case
            when reading.star_count = 0 and reading.count_before >= 10 then 'no_stars'
            when
                hour.whole_hour_count = hour.hour_count
                and reading.star_count - reading.count_before > given.given_count
                then 'more_than_given'
        end as reason
    from reading
    join hour using (repository_name, counted_at)
    join given using (repository_name, counted_at)
)

select repository_name, before_at, counted_at, count_before, star_count, given_count, reason
from judged
where reason is not null
order by counted_at, repository_name
