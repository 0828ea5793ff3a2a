-- Proves that the lifecycle holds each issue of issue_current exactly once and nothing else: a join that lost or
-- doubled rows shows here. Broken rows: each issue whose number of rows differs.
with issue as (
    select repo_owner, repo_name, issue_id, count(*) as issue_row_count
    from issue_current
    where not is_pull_request
    group by repo_owner, repo_name, issue_id
),

lifecycle as (
    select repo_owner, repo_name, issue_id, count(*) as lifecycle_row_count
    from mart_issue_lifecycle
    group by repo_owner, repo_name, issue_id
)

select
    repo_owner,
    repo_name,
    issue_id,
    coalesce(issue_row_count, 0) as issue_row_count,
    coalesce(lifecycle_row_count, 0) as lifecycle_row_count
from issue
full join lifecycle using (repo_owner, repo_name, issue_id)
where issue_row_count is distinct from lifecycle_row_count
