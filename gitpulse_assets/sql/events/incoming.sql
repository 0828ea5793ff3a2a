-- Grain: one line of a chunk of an hour file that is JSON. Deliberate: the payload stays text, and only
-- payloads that have an action they do not begin with are parsed for it.
with sent as (
    select id, type, created_at, actor, repo, org, payload
    from read_json($path, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 67108864, columns = {
        id: 'varchar', type: 'varchar', created_at: 'varchar', actor: 'struct(id bigint, login varchar)',
        repo: 'struct(id bigint, name varchar)', org: 'struct(login varchar)', payload: 'json'
    })
),

typed as (
    select
        try_cast(id as bigint) as event_id,
        type as event_type,
        try_cast(created_at as timestamptz) as created_at,
        coalesce(
            nullif(regexp_extract(payload, '^\{"action":"([a-z_]+)"', 1), ''),
            case when contains(payload, '"action"') then json_extract_string(payload, '$.action') end
        ) as action,
        actor.id as actor_id,
        actor.login as actor_login,
        repo.id as repository_id,
        repo.name as repository_name,
        org.login as org_login,
        $first_seen_at::timestamptz as first_seen_at,
        $source as first_seen_source,
        coalesce(strlen(payload), 0) as payload_bytes,
        payload::varchar as payload_json
    from sent
),

chosen as (
    select
        *,
        ($types::varchar[] is null or event_type in (select unnest($types::varchar[])))
        and (
            $repositories::varchar[] is null
            or coalesce(lower(repository_name) in (select unnest($repositories::varchar[])), false)
            or coalesce(
                split_part(lower(repository_name), '/', 1) || '/*' in (select unnest($repositories::varchar[])),
                false
            )
        ) as is_kept
    from typed
)

select *
from chosen
where event_id is not null and event_type <> '' and created_at is not null
