-- Grain: one received record of bronze_issue_comment. Typed, and judged: `rule` names the first thing that makes the
-- record unusable (then `detail` says what was found), null where it can be used. The thread is told by `issue_url` alone.
-- GitHub shows the account `ghost` (id 10137) for one that is deleted; here that is nobody.
with received as (
    select
        lower(b.repo_owner) as repo_owner,
        lower(b.repo_name) as repo_name,
        b.run_id,
        o.run_sequence,
        b.page_number,
        b.record_number,
        b.fetched_at,
        b.payload_json,
        try(json_transform(b.payload_json, '{
            "id": "JSON", "user": "JSON", "author_association": "VARCHAR", "created_at": "VARCHAR",
            "updated_at": "VARCHAR", "reactions": "JSON", "issue_url": "VARCHAR"
        }')) as p
    from bronze_issue_comment as b
    join run_order as o using (run_id)
),

typed as (
    select
        * exclude (p),
        starts_with(ltrim(payload_json), '{') and p is not null as is_object,
        case when json_type(p.id) in ('UBIGINT', 'BIGINT') then try_cast(p.id as bigint) end as comment_id,
        try_cast(regexp_extract(p.issue_url, '/issues/(\d+)$', 1) as bigint) as thread_number,
        if(p.user ->> '$.id' = '10137', null, try(json_transform(
            p.user, '{"id": "BIGINT", "login": "VARCHAR", "type": "VARCHAR"}'
        ))) as author,
        p.author_association,
        case when p.created_at like '____-__-__T%' then try_cast(p.created_at as timestamptz) end as created_at,
        case when p.updated_at like '____-__-__T%' then try_cast(p.updated_at as timestamptz) end as updated_at,
        try_cast(p.reactions ->> '$.total_count' as bigint) as reaction_count,
        try_cast(p.reactions ->> '$."+1"' as bigint) as reaction_plus_1_count,
        try_cast(p.reactions ->> '$."-1"' as bigint) as reaction_minus_1_count,
        try_cast(p.reactions ->> '$."laugh"' as bigint) as reaction_laugh_count,
        try_cast(p.reactions ->> '$."hooray"' as bigint) as reaction_hooray_count,
        try_cast(p.reactions ->> '$."confused"' as bigint) as reaction_confused_count,
        try_cast(p.reactions ->> '$."heart"' as bigint) as reaction_heart_count,
        try_cast(p.reactions ->> '$."rocket"' as bigint) as reaction_rocket_count,
        try_cast(p.reactions ->> '$."eyes"' as bigint) as reaction_eyes_count
    from received
),

judged as (
    select
        *,
        case
            when not is_object then 'not_an_object'
            when comment_id is null then 'no_id'
            when thread_number is null then 'no_number'
            when created_at is null or updated_at is null then 'bad_timestamp'
        end as rule
    from typed
)

select
    * exclude (is_object),
    null::bigint as issue_id,
    case rule
        when 'not_an_object' then 'the record is no JSON object'
        when 'no_id' then 'id is missing or no integer'
        when 'no_number' then 'it names no issue or pull request'
        when 'bad_timestamp' then 'created_at or updated_at is missing or no time'
    end as detail
from judged
