-- Proves that pull requests are in no issue mart: neither as rows of the lifecycle nor, through the ledger, in any
-- stock. What was an issue first left the backlog when it was turned into one. Broken rows: each found, and where.
with pull_request as (
    select repo_owner, repo_name, issue_id, issue_number from issue_current where is_pull_request
)

select repo_owner, repo_name, pull_request.issue_number, issue_id, 'mart_issue_lifecycle' as found_in
from mart_issue_lifecycle
join pull_request using (repo_owner, repo_name, issue_id)
union all
select repo_owner, repo_name, pull_request.issue_number, issue_id, 'issue_transitions' as found_in
from issue_transitions
join pull_request using (repo_owner, repo_name, issue_id)
group by repo_owner, repo_name, pull_request.issue_number, issue_id
having sum(delta) <> 0
