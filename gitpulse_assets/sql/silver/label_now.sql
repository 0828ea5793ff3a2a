-- Grain: one label. Its name as it is now: where something here has it, by the newest record that showed it; or else by
-- what showed it last, a record or a conversation (of those of one moment the record: events may keep an old name).
with carried as (
    select
        labels.label_id, labels.label_name, issue.departed_at is null as is_here, issue.fetched_at as shown_at, issue_id
    from issue_labels as labels
    join issue_current as issue using (issue_id)
)

select label_id, arg_max(label_name, place) as label_name
from (
    select label_id, label_name, (is_here, shown_at, true, shown_at, issue_id) as place
    from carried
    union all
    select
        label_id, label_name,
        (label_id in (select label_id from carried where is_here), shown_at, true, shown_at, issue_id)
    from label_shown
    union all
    select event.label_id, event.label_name, (false, told_at, false, event.occurred_at, event.issue_id)
    from (select *, coalesce(last_fetched_at, fetched_at) as told_at from conversation_event) as event
    where event.label_id is not null
) as named
group by label_id
