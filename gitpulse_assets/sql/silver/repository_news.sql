-- Grain: one received answer about the repository that tells other than what is stored, or cannot be used.
-- When it was fetched is no news, nor is what silver keeps nothing of: stars, forks, the last push.
select run_id, fetched_at
from repository_record as received
where
    rule is not null
    or not exists (
        select 1
        from stored_repository as stored
        where
            stored.repository_id is not distinct from received.repository_id
            and stored.repository_node_id is not distinct from received.repository_node_id
            and stored.repository_full_name is not distinct from received.repository_full_name
            and stored.is_archived is not distinct from received.is_archived
            and stored.is_fork is not distinct from received.is_fork
            and stored.has_issues is not distinct from received.has_issues
            and stored.default_branch is not distinct from received.default_branch
            and stored.html_url is not distinct from received.html_url
            and stored.open_issues_and_pull_requests_count
            is not distinct from received.open_issues_and_pull_requests_count
            and stored.created_at is not distinct from received.created_at
    )
