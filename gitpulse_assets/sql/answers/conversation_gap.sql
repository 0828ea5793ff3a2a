-- Grain: one row: how many issues and pull requests are here, and of how many the conversation was not asked for or
-- did not come whole. Reviews, drafts and requests for reviews are told by conversations alone.
select
    count(*) as thread_count,
    count(*) filter (where conversation.issue_id is null) as untold_count,
    count(*) filter (where not conversation.is_complete) as partial_count
from issue_current as issue
left join conversation_thread as conversation using (issue_id)
where issue.departed_at is null
