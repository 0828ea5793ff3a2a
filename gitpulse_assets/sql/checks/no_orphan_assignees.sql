-- Proves that every assignee row belongs to an issue or pull request we hold. Broken rows: those that do not.
select repo_owner, repo_name, issue_id, user_id
from issue_assignees
anti join issue_current using (repo_owner, repo_name, issue_id)
