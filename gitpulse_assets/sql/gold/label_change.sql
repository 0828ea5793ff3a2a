-- Grain: one issue that came and whose conversation came whole, and one label that events put on or took off before it
-- came; without a label where there is none. Key: issue_id, label_name. What the last of these events did and when, by the
-- names that labels go by.
with arrival as (
    select m.issue_id, max((event.occurred_at, event.position)) as place
    from transfer_movement as m
    join conversation_thread as thread using (issue_id)
    join conversation_event as event using (issue_id)
    where
        m.direction = 'in' and thread.is_complete
        and event.event_type = 'transferred' and event.occurred_at = m.transferred_at
    group by m.issue_id
)

select
    arrival.issue_id,
    event.label_name,
    arg_max(event.event_type, (event.occurred_at, event.position)) as event_type,
    max(event.occurred_at) as occurred_at
from arrival
left join conversation_event as event
    on event.issue_id = arrival.issue_id
    and event.event_type in ('labeled', 'unlabeled')
    and (event.occurred_at, event.position) < arrival.place
group by arrival.issue_id, event.label_name
