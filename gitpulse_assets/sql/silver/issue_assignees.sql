-- Grain: one issue and assigned user. Key: repo_owner, repo_name, issue_id, user_id. Here: of the records that won.
select
    r.repo_owner,
    r.repo_name,
    r.issue_id,
    r.issue_number,
    a.user_id,
    a.user_login,
    a.user_type
from record_assignee as a
join issue_record as r on r.rowid = a.record_rowid
