-- Grain: one row per issue that passes every filter given; a null one lets all pass. Key: issue_id.
-- The sort keys only: the wide columns are read for one page of them.
select
    issue_id,
    case $sort::varchar
        when 'newest' then -epoch_us(created_at)
        when 'most_discussed' then -comment_count
        when 'recently_updated' then -epoch_us(updated_at)
        else epoch_us(created_at)
    end as sort_key
from lifecycle
where
    case $state::varchar
        when 'open' then is_open
        when 'closed' then is_closed and departed_at is null
        when 'departed' then departed_at is not null
        else true
    end
    and ($opened_from::date is null or created_date >= $opened_from::date)
    and ($opened_to::date is null or created_date <= $opened_to::date)
    and ($closed_from::date is null or closed_date >= $closed_from::date)
    and ($closed_to::date is null or closed_date <= $closed_to::date)
    and (
        $moved_on::date is null
        or issue_id in (
            select moves.issue_id
            from issue_transitions as moves
            where
                moves.transitioned_at >= $moved_on::date::timestamptz
                and moves.transitioned_at < ($moved_on::date + 1)::timestamptz
            group by moves.issue_id
            having sum(moves.delta) <> 0
        )
    )
