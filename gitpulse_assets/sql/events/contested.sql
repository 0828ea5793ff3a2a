-- Grain: one event of which more than one copy came, or one came that is stored already. Key: the event's.
-- is_change: a copy that came is longer than the stored one, or was seen before it; the others change nothing, nor does
-- any where somebody was taken out of the stored one.
with copy as (
    select event_id, event_type, created_at, payload_bytes, first_seen_at, null as stored_part, false as is_forgotten
    from incoming
    union all
    select
        stored.event_id, stored.event_type, stored.created_at, stored.payload_bytes, stored.first_seen_at,
        stored.stored_part, coalesce(stored.is_forgotten, false) as is_forgotten
    from stored
    semi join incoming using (event_id, event_type, created_at)
)

select
    event_id,
    event_type,
    created_at,
    max(stored_part) as stored_part,
    not bool_or(is_forgotten)
    and coalesce(
        max(payload_bytes) filter (stored_part is null) > max(payload_bytes) filter (stored_part is not null)
        or min(first_seen_at) filter (stored_part is null) < min(first_seen_at) filter (stored_part is not null),
        true
    ) as is_change
from copy
group by event_id, event_type, created_at
having count(*) > 1
