-- Grain: one row per issue open at the moment the window ends. Key: issue_id.
-- Registered as mart_issue_lifecycle, so that the age mart's own statement answers for that moment.
select repo_owner, repo_name, issue_id, issue_number, created_at, label_names, true as is_open
from lifecycle
semi join open_issue using (issue_id)
