-- Grain: one received answer about the repository, typed; `rule` names what makes it unusable.
with received as (
    select
        lower(b.repo_owner) as repo_owner,
        lower(b.repo_name) as repo_name,
        b.run_id,
        o.run_sequence,
        b.fetched_at,
        b.payload_json,
        try(json_transform(b.payload_json, '{
            "id": "JSON", "node_id": "VARCHAR", "full_name": "VARCHAR", "archived": "BOOLEAN", "fork": "BOOLEAN",
            "has_issues": "BOOLEAN", "default_branch": "VARCHAR", "html_url": "VARCHAR",
            "open_issues_count": "BIGINT", "created_at": "VARCHAR"
        }')) as p
    from bronze_repository as b
    join run_order as o using (run_id)
)

select
    * exclude (p),
    case when json_type(p.id) in ('UBIGINT', 'BIGINT') then try_cast(p.id as bigint) end as repository_id,
    p.node_id as repository_node_id,
    p.full_name as repository_full_name,
    p.archived as is_archived,
    p.fork as is_fork,
    p.has_issues,
    p.default_branch,
    p.html_url,
    p.open_issues_count as open_issues_and_pull_requests_count,
    try_cast(p.created_at as timestamptz) as created_at,
    case
        when not starts_with(ltrim(payload_json), '{') or p is null then 'not_an_object'
        when repository_id is null then 'no_id'
        when repository_full_name is null then 'no_name'
    end as rule,
    'the answer has no id or full_name' as detail,
    -- It comes in no pages.
    0::int as page_number,
    0::int as record_number
from received
