-- Holds the comments of each thread that came whole against GitHub's count in the record of the same update. Broken
-- rows: threads of which more or fewer are held. The others are named beside the verdict.
with held as (
    select repo_owner, repo_name, issue_id, count(*) as held_count
    from conversation_event
    where event_type = 'commented'
    group by repo_owner, repo_name, issue_id
)

select issue.repo_owner, issue.repo_name, issue.issue_number, issue.comment_count, coalesce(held.held_count, 0) as held_count
from issue_current as issue
join conversation_thread as thread using (repo_owner, repo_name, issue_id)
left join held using (repo_owner, repo_name, issue_id)
where
    issue.departed_at is null
    and thread.is_complete
    and thread.thread_updated_at = issue.updated_at
    and issue.comment_count <> coalesce(held.held_count, 0)
