-- Proves that the lifecycle holds each issue of issue_current exactly once and nothing else: a join that lost or
-- doubled rows shows here. Broken rows: each issue whose number of rows differs.
with found as (
    select repo_owner, repo_name, issue_id, 1 as issue_row, 0 as lifecycle_row
    from issue_current
    where not is_pull_request
    union all
    select repo_owner, repo_name, issue_id, 0, 1
    from mart_issue_lifecycle
)

select
    repo_owner,
    repo_name,
    issue_id,
    sum(issue_row)::bigint as issue_row_count,
    sum(lifecycle_row)::bigint as lifecycle_row_count
from found
group by repo_owner, repo_name, issue_id
having sum(issue_row) <> sum(lifecycle_row)
