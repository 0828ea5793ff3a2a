-- Grain: one issue that came and whose conversation came whole. Key: issue_id. The labels that events had on when it came,
-- by the names they go by: those of its former home, where nobody watches that.
with arrival as (
    select m.issue_id, max((event.occurred_at, event.position)) as place
    from transfer_movement as m
    join conversation_thread as thread using (issue_id)
    join conversation_event as event using (issue_id)
    where
        m.direction = 'in' and thread.is_complete
        and event.event_type = 'transferred' and event.occurred_at = m.transferred_at
    group by m.issue_id
),

last_event as (
    select
        event.issue_id, event.label_name,
        arg_max(event.event_type, (event.occurred_at, event.position)) as event_type
    from conversation_event as event
    join arrival using (issue_id)
    where event.event_type in ('labeled', 'unlabeled') and (event.occurred_at, event.position) < arrival.place
    group by event.issue_id, event.label_name
)

select
    arrival.issue_id,
    coalesce(
        list(last_event.label_name order by last_event.label_name) filter (where last_event.event_type = 'labeled'),
        []
    ) as label_names
from arrival
left join last_event using (issue_id)
group by arrival.issue_id
