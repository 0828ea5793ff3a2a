-- Grain: one issue or pull request. Key: repo_owner, repo_name, issue_id. Here: the records that won.
select
    r.repo_owner,
    r.repo_name,
    r.issue_id,
    r.body,
    r.body_md5
from issue_record as r
semi join issue_winner as w on r.rowid = w.record_rowid
