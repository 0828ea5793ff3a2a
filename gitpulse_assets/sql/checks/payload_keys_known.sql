-- Reports a changed schema at GitHub: keys of the newly received records that this project does not know, and keys
-- it needs that some record lacks. Neither is an error (unknown keys stay in bronze, absent ones are null), but
-- both are worth a look. Up to 1,000 records are looked at. Broken rows: the keys.
with sampled as (
    select payload_json from bronze_issues where payload_json like '{%' limit 1000
),

record as (
    select json_keys(payload_json) as keys from sampled where json_valid(payload_json)
),

found as (
    select key, count(*) as record_count from (select unnest(keys) as key from record) group by key
)

select key, 'unknown' as problem, record_count
from found
where key not in (
    'active_lock_reason', 'assignee', 'assignees', 'author_association', 'body', 'body_html', 'body_text',
    'closed_at', 'closed_by', 'comments', 'comments_url', 'created_at', 'draft', 'events_url', 'html_url', 'id',
    'issue_dependencies_summary', 'issue_field_values', 'labels', 'labels_url', 'locked', 'milestone', 'node_id',
    'number', 'parent_issue_url', 'performed_via_github_app', 'pinned_comment', 'pull_request', 'reactions',
    'repository', 'repository_url', 'score', 'state', 'state_reason', 'sub_issues_summary', 'timeline_url',
    'title', 'type', 'updated_at', 'url', 'user'
)
union all
select needed.key, 'missing', (select count(*) from record) - coalesce(found.record_count, 0)
from (
    select unnest([
        'id', 'node_id', 'number', 'title', 'state', 'user', 'labels', 'comments', 'created_at', 'updated_at',
        'closed_at', 'author_association', 'html_url'
    ]) as key
) as needed
left join found using (key)
where coalesce(found.record_count, 0) < (select count(*) from record)
