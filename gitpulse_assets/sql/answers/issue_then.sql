-- Grain: one row per issue, with whether it was open at the moment the window ends. Key: issue_id.
-- Registered as mart_issue_lifecycle, so that the statements of the backlog's marts answer for that moment.
select
    repo_owner,
    repo_name,
    issue_id,
    issue_number,
    created_at,
    label_names,
    open_issue.issue_id is not null as is_open
from lifecycle
left join open_issue using (issue_id)
