-- Grain: one row per window of $windows_days and label that changed the backlog. Key: window_days, label_name.
-- Labels are those an issue has now, whenever it got them; an issue with three labels counts under each.
with windows as (
    select
        unnest($windows_days::bigint[]) as window_days,
        date_trunc('day', $as_of_at::timestamptz) as window_end_at
),

labelled as (
    select issue_id, unnest(label_names) as label_name
    from mart_issue_lifecycle
)

select window_days, label_name, sum(delta)::bigint as net_change
from windows
inner join issue_transitions
    on transitioned_at >= window_end_at - to_days(window_days::integer) and transitioned_at < window_end_at
inner join labelled using (issue_id)
group by window_days, label_name
having sum(delta) <> 0
order by window_days, abs(net_change) desc, label_name
