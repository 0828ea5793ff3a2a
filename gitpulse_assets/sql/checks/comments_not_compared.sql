-- Threads whose comments are not held against GitHub's count: no conversation of theirs came, it came in part, or the
-- issue list has them as of another update.
select issue.repo_owner, issue.repo_name, issue.issue_number, issue.comment_count
from issue_current as issue
left join conversation_thread as thread using (repo_owner, repo_name, issue_id)
where
    issue.departed_at is null
    and (thread.is_complete and thread.thread_updated_at = issue.updated_at) is distinct from true
