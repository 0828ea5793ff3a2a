-- Grain: one label. Its name as it is now: by the newest record that shows it, or else by the conversation that was read
-- last.
select label_id, arg_max(label_name, place) as label_name
from (
    select labels.label_id, labels.label_name, (true, issue.fetched_at, issue.updated_at, issue.issue_id) as place
    from issue_labels as labels
    join issue_current as issue using (issue_id)
    union all
    select event.label_id, event.label_name, (false, thread.fetched_at, event.occurred_at, event.issue_id)
    from conversation_event as event
    join conversation_thread as thread using (issue_id)
    where event.label_id is not null
) as named
group by label_id
