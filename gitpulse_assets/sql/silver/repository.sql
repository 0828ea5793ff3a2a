-- Grain: the repository. Key: repo_owner, repo_name.
-- The latest answer, with every other name seen in earlier ones: a rename on GitHub changes full_name, while
-- repo_owner and repo_name (the key and the path) stay as first registered.
with known as (
    select
        repo_owner, repo_name, repository_id, repository_node_id, repository_full_name, former_names, is_archived,
        is_fork, has_issues, default_branch, html_url, open_issues_and_pull_requests_count, created_at, fetched_at,
        0 as run_sequence
    from stored_repository
    union all
    select
        repo_owner, repo_name, repository_id, repository_node_id, repository_full_name, []::varchar[], is_archived,
        is_fork, has_issues, default_branch, html_url, open_issues_and_pull_requests_count, created_at, fetched_at,
        run_sequence
    from repository_record
    where rule is null
),

name as (
    select repository_full_name as full_name from known
    union
    select unnest(former_names) from known
),

latest as (
    select *
    from known
    qualify row_number() over (order by fetched_at desc, run_sequence desc) = 1
)

select
    repo_owner,
    repo_name,
    repository_id,
    repository_node_id,
    repository_full_name,
    coalesce(
        (
            select list(full_name order by full_name)
            from name
            where lower(full_name) <> lower(latest.repository_full_name)
        ),
        []
    )::varchar[] as former_names,
    is_archived,
    is_fork,
    has_issues,
    default_branch,
    html_url,
    open_issues_and_pull_requests_count,
    created_at,
    fetched_at
from latest
