-- Proves that every label row belongs to an issue or pull request we hold. Broken rows: those that do not.
select repo_owner, repo_name, issue_id, label_id, label_name
from issue_labels
anti join issue_current using (repo_owner, repo_name, issue_id)
