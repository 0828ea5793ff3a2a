-- Grain: one comment of which there is a new record, that was found gone, or whose thread was asked about again and may
-- have lost it.
select comment_id
from issue_comment_record
where rule is null
union
select comment_id
from bronze_comment_gone
where list_name = 'issue_comment'
union
select comment_id
from stored_issue_comment
semi join conversation_record using (thread_number)
