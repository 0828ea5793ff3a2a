-- Grain: one line of a chunk. Deliberate: all that is wanted of a line is taken by parsing it once; where only some events are
-- kept, of the others no more than what tells so and is counted. Lines that are no event are told and not left out: DuckDB
-- would parse each line once more for every column of the condition.
-- $head, $body: the values at the paths of `events/incoming.py`, as lists.
with sent as (
    select line, line_number, try($head) as head
    from line
),

told as (
    select
        line,
        line_number,
        head,
        try_cast(head[1] as bigint) as event_id,
        head[2] as event_type,
        try_cast(head[3] as timestamptz) as created_at,
        try_cast(head[4] as bigint) as repository_id,
        head[5] as repository_name
    from sent
),

chosen as (
    select
        *,
        coalesce(event_id is not null and event_type <> '' and created_at is not null, false) as is_event,
        ($types::varchar[] is null or coalesce(list_contains($types::varchar[], event_type), false))
        and (
            $repositories::varchar[] is null
            or coalesce(
                list_has_any(
                    $repositories::varchar[],
                    [lower(repository_name), split_part(lower(repository_name), '/', 1) || '/*']
                ),
                false
            )
            or coalesce(list_contains($repository_ids::bigint[], repository_id), false)
        ) as is_kept
    from told
),

whole as (
    select *, case when is_event and is_kept then $body end as body
    from chosen
),

-- A payload that is one text loses its quotes in the list, and has nothing at the paths below it.
texts as (
    select
        *,
        case
            when coalesce(body[5], body[6]) is not null then body[4]
            when body[4] is not null then json_extract(line, '$.payload')::varchar
        end as payload_json
    from whole
)

select
    event_id,
    event_type,
    created_at,
    body[5] as action,
    try_cast(body[1] as bigint) as actor_id,
    body[2] as actor_login,
    repository_id,
    repository_name,
    body[3] as org_login,
    $first_seen_at::timestamptz as first_seen_at,
    $source as first_seen_source,
    coalesce(strlen(payload_json), 0) as payload_bytes,
    payload_json,
    null::boolean as is_forgotten,
    line_number,
    is_event,
    is_kept
from texts
