-- Reports lifecycle events of issues we do not hold: another repository's, say. Broken rows: such events, but not those
-- of an issue that came after the newest record, which the next refresh lists. Of all issues: a merge may have read those
-- of some ranges alone.
select repo_owner, repo_name, issue_id, event_id, kind
from issue_event
anti join issue_current using (repo_owner, repo_name, issue_id)
where fetched_at < (select max(fetched_at) from all_issue)
