-- Holds the labels that are on by their spans against those of the snapshot, of threads whose conversation came whole
-- and not before the newest record. Broken rows: labels that one of the two lacks.
with thread as (
    select repo_owner, repo_name, issue_id
    from issue_current as issue
    join conversation_thread as thread using (repo_owner, repo_name, issue_id)
    where issue.departed_at is null and thread.is_complete and thread.thread_updated_at >= issue.updated_at
),

on_by_span as (
    select repo_owner, repo_name, issue_id, label_id from label_span where to_at is null
),

on_by_snapshot as (
    select repo_owner, repo_name, issue_id, label_id from issue_labels
),

differing as (
    (select *, 'span' as known_by from on_by_span except select *, 'span' from on_by_snapshot)
    union all
    (select *, 'snapshot' from on_by_snapshot except select *, 'snapshot' from on_by_span)
)

select repo_owner, repo_name, issue_id, label_id, known_by
from differing
semi join thread using (repo_owner, repo_name, issue_id)
