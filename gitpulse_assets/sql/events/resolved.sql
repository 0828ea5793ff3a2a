-- Grain: one event that has several copies among those that came and those of the parts made anew.
-- The longest copy wins; when and where the event was seen first is the first copy's.
-- One that somebody was taken out of wins over all: another would bring that person back.
-- Copies of events that are stored in a part left as it is are dropped: they change nothing.
select
    event_id, event_type, created_at, action, actor_id, actor_login, repository_id, repository_name, org_login,
    min(first_seen_at) over copies as first_seen_at,
    min_by(first_seen_source, (first_seen_at, first_seen_source)) over copies as first_seen_source,
    payload_bytes, payload_json, is_forgotten
from candidate
semi join (
    select event_id, event_type, created_at
    from contested
    where stored_part is null or list_contains($rewritten::varchar[], stored_part)
) using (event_id, event_type, created_at)
window copies as (partition by event_id, event_type, created_at)
qualify row_number() over (
    partition by event_id, event_type, created_at
    order by is_forgotten desc nulls last, payload_bytes desc, first_seen_at, first_seen_source, payload_json
) = 1
