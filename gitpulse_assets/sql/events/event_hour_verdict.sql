-- Grain: one hour of the time asked for, and type. Key: both. What is held of it, and whether that is all.
-- $repository alone is asked for, unless it is null; $with_filters: what is not kept of an archive counts as lacking. A
-- repository is kept by its id, $repository_id, or by its name, in the hours in which it is known to have borne it, from
-- $named_from to $named_to.
-- Deliberate: a source's count is held against its own history, and no further than what is stored: copies count once.
with hour_file as (
    select
        source, file_hour_at,
        not $with_filters
        or kept_repositories is null
        or coalesce(list_contains(kept_repository_ids, $repository_id::bigint), false) as has_repository,
        coalesce(
            list_has_any(kept_repositories, [$repository, split_part($repository, '/', 1) || '/*']), false
        ) as has_name,
        case when $with_filters then kept_types end as kept_types
    from archive_hour
    where status = 'whole'
),

-- A date further away than this is none that a file was late by.
punctual as (
    select
        source, file_hour_at, event_type, lateness_hours, event_count, coalesce(kept_count, event_count) as kept_count
    from archive_type
    semi join hour_file using (source, file_hour_at)
    where abs(lateness_hours) < $untrue_hours
),

kind as (
    select event_type from punctual
    union
    select event_type from event_hour
    union
    select unnest($event_types::varchar[]) as event_type
),

late as (
    select source, event_type, lateness_hours, sum(event_count) as event_count
    from punctual
    group by all
    union all
    select source, null as event_type, lateness_hours, sum(event_count) as event_count
    from punctual
    group by all
),

spread as (
    select
        source, event_type, lateness_hours,
        sum(event_count) over sooner / sum(event_count) over (partition by source, event_type) as share_until
    from late
    window sooner as (partition by source, event_type order by lateness_hours)
),

-- The files that the events of an hour are in, but for the share that is later still.
reach as (
    select
        source, event_type,
        least(min(lateness_hours) filter (share_until > $late_share), 0) as first_hours,
        greatest(min(lateness_hours) filter (share_until >= 1 - $late_share), 0) as last_hours
    from spread
    group by source, event_type
),

reach_of_kind as (
    select
        every.source, kind.event_type,
        least(every.first_hours, own.first_hours) as first_hours,
        greatest(every.last_hours, own.last_hours) as last_hours
    from reach as every
    cross join kind
    left join reach as own on own.source = every.source and own.event_type = kind.event_type
    where every.event_type is null
),

needed as (
    select
        source, event_type, last_hours - first_hours + 1 as file_count,
        unnest(generate_series(first_hours, last_hours)) as lateness_hours
    from reach_of_kind
),

-- Hours all of whose files are there.
complete as (
    select
        needed.source, needed.event_type, file_hour_at - to_hours(lateness_hours) as event_hour_at,
        bool_and(
            (
                has_repository
                or (has_name and file_hour_at - to_hours(lateness_hours) between $named_from and $named_to)
            )
            and (kept_types is null or list_contains(kept_types, needed.event_type))
        ) as is_kept
    from needed
    join hour_file on hour_file.source = needed.source
    group by all
    having count(*) = any_value(needed.file_count)
),

brought as (
    select
        source, event_type, file_hour_at - to_hours(lateness_hours) as event_hour_at,
        sum(event_count)::bigint as event_count, sum(kept_count)::bigint as kept_count
    from punctual
    group by all
),

-- Where a feed that is whole has more than an archive all of whose files were searched for it.
searched as (
    select
        needed.source, needed.event_type, repository_name,
        file_hour_at - to_hours(needed.lateness_hours) as event_hour_at
    from needed
    join archive_feed on archive_feed.source = needed.source and archive_feed.event_type = ''
    semi join hour_file on hour_file.source = needed.source and hour_file.file_hour_at = archive_feed.file_hour_at
    group by all
    having count(*) = any_value(needed.file_count)
),

found as (
    select
        source, repository_name, event_type, file_hour_at - to_hours(lateness_hours) as event_hour_at,
        sum(event_count) as event_count
    from archive_feed
    semi join hour_file using (source, file_hour_at)
    where abs(lateness_hours) < $untrue_hours
    group by all
),

lacking as (
    select distinct source, event_type, event_hour_at
    from searched
    join feed_event using (repository_name, event_type, event_hour_at)
    left join found using (source, repository_name, event_type, event_hour_at)
    where coalesce(found.event_count, 0) < $share_of_feeds * feed_event.event_count
),

counted as (
    select
        source, event_type, event_hour_at, is_complete, is_kept,
        coalesce(brought.event_count, 0)
        -- What has ended by its age was there when its hour was, and tells what is usual.
        - case
            when event_hour.event_count = 0 then 0
            else greatest(coalesce(brought.kept_count, 0) - coalesce(event_hour.event_count, 0), 0)
        end as event_count,
        event_hour_at::date as event_date,
        hour(event_hour_at) as clock_hour,
        isodow(event_hour_at) >= 6 as is_weekend
    from (select *, true as is_complete from complete)
    full join brought using (source, event_type, event_hour_at)
    left join event_hour using (event_type, event_hour_at)
),

asked as (
    select
        event_type, event_hour_at, hour(event_hour_at) as clock_hour, isodow(event_hour_at) >= 6 as is_weekend,
        event_hour_at::date as event_date
    from (select unnest(generate_series($first_hour_at, $last_hour_at, interval 1 hour)) as event_hour_at)
    cross join kind
),

-- Each with the hours that it is compared with, so that these are found by equality: by a range of days the pairs that
-- are tried grow with the square of the time asked for.
wanted as (
    select
        event_type, event_hour_at, event_date, is_weekend, clock_hour,
        unnest(generate_series(0, $history_days::integer)) as days_before
    from asked
),

near as (
    select
        event_type, event_hour_at, event_date, is_weekend,
        event_date - days_before::integer as near_date, (clock_hour + unnest([22, 23, 0, 1, 2])) % 24 as near_hour
    from wanted
),

compared as (
    select
        near.event_type, near.event_hour_at, counted.source,
        count(*) filter (is_complete) as compared_count,
        count(*) filter (
            is_complete and counted.is_weekend = near.is_weekend and counted.event_date <> near.event_date
        ) as alike_count,
        quantile_cont(counted.event_count, $usual_quantile) filter (is_complete) as any_usual,
        quantile_cont(counted.event_count, $usual_quantile)
            filter (is_complete and counted.is_weekend = near.is_weekend) as alike_usual,
        max(counted.event_count) as seen_count
    from near
    join counted
        on counted.event_type = near.event_type
        and counted.event_date = near.near_date
        and counted.clock_hour = near.near_hour
    group by all
),

-- An archive of which too few hours are whole is not held against itself, yet a poorer one does not vouch for it.
usual as (
    select
        event_type, event_hour_at,
        max(case when alike_count >= $compared_least then alike_usual else any_usual end)
            filter (compared_count >= $compared_least) as usual_count,
        max(seen_count) filter (compared_count < $compared_least) as glimpsed_count
    from compared
    group by event_type, event_hour_at
),

best as (
    select
        counted.event_type, counted.event_hour_at,
        count(*) filter (is_kept) as kept_count,
        max(counted.event_count) filter (is_kept and lacking.source is null) as event_count
    from counted
    left join lacking using (source, event_type, event_hour_at)
    where is_complete
    group by counted.event_type, counted.event_hour_at
),

judged as (
    select
        asked.event_hour_at, asked.event_type,
        coalesce(event_hour.event_count, 0) as event_count,
        usual.usual_count,
        case
            when event_hour.event_count = 0 then 'ended'
            when own.file_hour_at is null then 'no_file'
            when best.kept_count is null then 'later_files'
            when best.kept_count = 0 then 'filtered'
            when best.event_count is null then 'feeds_have_more'
            when usual.usual_count is null then 'no_history'
            when usual.usual_count < $thin_below * usual.glimpsed_count then 'no_history'
            -- Fewer than the share of the usual, and fewer than chance lets it be.
            when best.event_count < least(
                $thin_below * usual.usual_count, usual.usual_count - $deviations * sqrt(usual.usual_count)
            ) then 'few_events'
        end as reason
    from asked
    left join event_hour using (event_type, event_hour_at)
    left join usual using (event_type, event_hour_at)
    left join best using (event_type, event_hour_at)
    left join (select distinct file_hour_at from hour_file) as own on own.file_hour_at = asked.event_hour_at
)

select
    event_hour_at, event_type, event_count, usual_count,
    case when reason is null then 'whole' when reason in ('no_file', 'ended') then 'missing' else 'thin' end as verdict,
    reason
from judged
