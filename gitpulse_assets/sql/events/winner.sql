-- Grain: one event of the part that is written. Key: the event's.
select
    event_id, event_type, created_at, action, actor_id, actor_login, repository_id, repository_name, org_login,
    first_seen_at, first_seen_source, payload_bytes, payload_json, is_forgotten
from candidate
anti join contested using (event_id, event_type, created_at)
union all
select
    event_id, event_type, created_at, action, actor_id, actor_login, repository_id, repository_name, org_login,
    first_seen_at, first_seen_source, payload_bytes, payload_json, is_forgotten
from resolved
