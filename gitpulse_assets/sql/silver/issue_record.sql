-- Grain: one received record of bronze_issues. Typed, and judged: `rule` names the first thing that makes the
-- record unusable (then `detail` says what was found), null where it can be used.
-- Each payload is parsed once. Fields come out as JSON so that their kind can be told from their value; an absent
-- key and a JSON null are the same null, an unknown key is ignored. Pull request = `pull_request` is not null.
with received as (
    select
        lower(b.repo_owner) as repo_owner,
        lower(b.repo_name) as repo_name,
        b.run_id,
        o.run_sequence,
        b.page_number,
        b.record_number,
        b.fetched_at,
        b.issue_id as told_issue_id,
        b.payload_json,
        try(json_transform(b.payload_json, '{
            "id": "JSON", "node_id": "JSON", "number": "JSON", "title": "JSON", "body": "JSON", "user": "JSON",
            "labels": "JSON", "state": "JSON", "state_reason": "JSON", "locked": "JSON",
            "active_lock_reason": "JSON", "draft": "JSON", "assignee": "JSON", "assignees": "JSON",
            "milestone": "JSON", "comments": "JSON", "created_at": "JSON", "updated_at": "JSON",
            "closed_at": "JSON", "author_association": "JSON", "html_url": "JSON", "pull_request": "JSON",
            "type": "JSON", "closed_by": "JSON"
        }')) as p
    from bronze_issues as b
    join run_order as o using (run_id)
),

kinds as (
    select *, json_type(p.user, ['$.id', '$.login', '$.type']) as user_kinds
    from received
),

typed as (
    select
        * exclude (p, user_kinds),
        starts_with(ltrim(payload_json), '{') and p is not null as is_object,
        -- Only integers are taken: a cast alone would round 1.5 and read true as 1.
        case when json_type(p.id) in ('UBIGINT', 'BIGINT') then try_cast(p.id as bigint) end as issue_id,
        p.node_id ->> '$' as issue_node_id,
        case when json_type(p.number) in ('UBIGINT', 'BIGINT') then try_cast(p.number as bigint) end as issue_number,
        p.title ->> '$' as title,
        p.body ->> '$' as body,
        p.state ->> '$' as state,
        p.state_reason ->> '$' as state_reason,
        -- A key and not its value: within a text GitHub's JSON escapes the quotes.
        contains(payload_json, '"state_reason"') as is_reason_told,
        try_cast(p.locked as boolean) as is_locked,
        p.active_lock_reason ->> '$' as active_lock_reason,
        p.pull_request is not null as is_pull_request,
        try_cast(p.draft as boolean) as is_draft,
        json_extract_string(p.pull_request, '$.merged_at') as merged_text,
        try(json_transform(p.user, '{"id": "BIGINT", "login": "VARCHAR", "type": "VARCHAR"}')) as author,
        p.author_association ->> '$' as author_association,
        json_transform(
            coalesce(p.assignees, if(p.assignee is null, '[]', '[' || p.assignee || ']')::json), '["JSON"]'
        ) as assignees,
        case when json_type(p.comments) in ('UBIGINT', 'BIGINT') then try_cast(p.comments as bigint) end as comment_count,
        json_extract_string(p.milestone, '$.title') as milestone_title,
        json_extract_string(p.type, '$.name') as issue_type,
        json_extract_string(p.closed_by, '$.login') as closed_by_login,
        p.html_url ->> '$' as html_url,
        json_transform(coalesce(p.labels, '[]'::json), '["JSON"]') as labels,
        p.created_at ->> '$' as created_text,
        p.updated_at ->> '$' as updated_text,
        p.closed_at ->> '$' as closed_text,
        concat_ws(
            ', ',
            if(json_type(p.id) not in ('UBIGINT', 'BIGINT'), 'id', null),
            if(json_type(p.number) not in ('UBIGINT', 'BIGINT'), 'number', null),
            if(json_type(p.comments) not in ('UBIGINT', 'BIGINT'), 'comments', null),
            if(p.locked not in ('true', 'false'), 'locked', null),
            if(p.draft not in ('true', 'false'), 'draft', null),
            if(not starts_with(p.node_id, '"'), 'node_id', null),
            if(not starts_with(p.title, '"'), 'title', null),
            if(not starts_with(p.body, '"'), 'body', null),
            if(not starts_with(p.state, '"'), 'state', null),
            if(not starts_with(p.state_reason, '"'), 'state_reason', null),
            if(not starts_with(p.active_lock_reason, '"'), 'active_lock_reason', null),
            if(not starts_with(p.author_association, '"'), 'author_association', null),
            if(not starts_with(p.html_url, '"'), 'html_url', null),
            if(not starts_with(p.created_at, '"'), 'created_at', null),
            if(not starts_with(p.updated_at, '"'), 'updated_at', null),
            if(not starts_with(p.closed_at, '"'), 'closed_at', null),
            if(not starts_with(p.user, '{'), 'user', null),
            if(user_kinds[1] not in ('UBIGINT', 'BIGINT', 'NULL'), 'user.id', null),
            if(user_kinds[2] not in ('VARCHAR', 'NULL'), 'user.login', null),
            if(user_kinds[3] not in ('VARCHAR', 'NULL'), 'user.type', null),
            if(not starts_with(p.assignee, '{'), 'assignee', null),
            if(not starts_with(p.assignees, '['), 'assignees', null),
            if(not starts_with(p.milestone, '{'), 'milestone', null),
            if(json_type(p.milestone, '$.title') not in ('VARCHAR', 'NULL'), 'milestone.title', null),
            if(not starts_with(p.type, '{'), 'type', null),
            if(json_type(p.type, '$.name') not in ('VARCHAR', 'NULL'), 'type.name', null),
            if(not starts_with(p.closed_by, '{'), 'closed_by', null),
            if(json_type(p.closed_by, '$.login') not in ('VARCHAR', 'NULL'), 'closed_by.login', null),
            if(not starts_with(p.pull_request, '{'), 'pull_request', null),
            if(not starts_with(p.labels, '['), 'labels', null)
        ) as wrong_fields
    from kinds
),

dated as (
    select
        * exclude (merged_text, created_text, updated_text, closed_text),
        -- GitHub writes ISO 8601; DuckDB would also take 'epoch' or 'infinity'.
        case when created_text like '____-__-__T%' then try_cast(created_text as timestamptz) end as created_at,
        case when updated_text like '____-__-__T%' then try_cast(updated_text as timestamptz) end as updated_at,
        case when closed_text like '____-__-__T%' then try_cast(closed_text as timestamptz) end as closed_at,
        case when merged_text like '____-__-__T%' then try_cast(merged_text as timestamptz) end as merged_at,
        created_text,
        updated_text,
        closed_text,
        merged_text,
        list_transform(
            labels,
            lambda x: json_type(x, ['$', '$.name', '$.id', '$.color', '$.description', '$.default'])
        ) as label_kinds,
        list_transform(assignees, lambda x: json_type(x, ['$', '$.id', '$.login', '$.type'])) as assignee_kinds
    from typed
),

judged as (
    select
        *,
        case
            when not is_object then 'not_an_object'
            when issue_id is null then 'no_id'
            when wrong_fields <> '' then 'wrong_kind'
            when issue_number is null then 'no_number'
            when len(list_filter(label_kinds, lambda k: not coalesce(
                k[1] = 'VARCHAR'
                or k[1] = 'OBJECT'
                and k[2] = 'VARCHAR'
                and coalesce(k[3], 'NULL') in ('UBIGINT', 'BIGINT', 'NULL')
                and coalesce(k[4], 'NULL') in ('VARCHAR', 'NULL')
                and coalesce(k[5], 'NULL') in ('VARCHAR', 'NULL')
                and coalesce(k[6], 'NULL') in ('BOOLEAN', 'NULL'),
                false
            ))) > 0 then 'wrong_label'
            when len(list_filter(assignee_kinds, lambda k: not coalesce(
                k[1] = 'OBJECT'
                and coalesce(k[2], 'NULL') in ('UBIGINT', 'BIGINT', 'NULL')
                and coalesce(k[3], 'NULL') in ('VARCHAR', 'NULL')
                and coalesce(k[4], 'NULL') in ('VARCHAR', 'NULL'),
                false
            ))) > 0 then 'wrong_assignee'
            when state is null or state not in ('open', 'closed') then 'unknown_state'
            when created_at is null or updated_at is null
                or (closed_text is not null and closed_at is null)
                or (merged_text is not null and merged_at is null)
                then 'bad_timestamp'
        end as rule
    from dated
)

select
    * exclude (
        is_object, told_issue_id, wrong_fields, payload_json, created_text, updated_text, closed_text, merged_text,
        label_kinds, assignee_kinds, issue_id
    ),
    md5(body) as body_md5,
    coalesce(issue_id, told_issue_id) as issue_id,
    case rule
        when 'not_an_object' then 'the record is no JSON object'
        when 'no_id' then 'id is missing or no integer'
        when 'wrong_kind' then 'of a wrong kind: ' || wrong_fields
        when 'no_number' then 'number is missing'
        when 'wrong_label' then 'a label is neither text nor an object with a name, or of a wrong kind inside'
        when 'wrong_assignee' then 'an assignee is no object, or of a wrong kind inside'
        when 'unknown_state' then 'state is ' || coalesce(state, 'missing')
        when 'bad_timestamp' then concat_ws(
            ', ',
            if(created_at is null, 'created_at is ' || coalesce(created_text, 'missing'), null),
            if(updated_at is null, 'updated_at is ' || coalesce(updated_text, 'missing'), null),
            if(closed_at is null, 'closed_at is ' || closed_text, null),
            if(merged_at is null, 'merged_at is ' || merged_text, null)
        )
    end as detail,
    case when rule is not null then payload_json end as payload_json
from judged
