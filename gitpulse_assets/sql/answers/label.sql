-- Grain: one row per label that an issue open at the window's end has now, or that moved the backlog in the window.
-- Key: label_name. Issues without label stand under (no label); one with three labels counts under each, so the
-- rows add up to more than the backlog. Flows are those of the issues that have the label now.
with moved as (
    select
        issue_id,
        count(*) filter (where kind = 'opened') as opened_count,
        count(*) filter (where kind = 'closed') as closed_count,
        sum(delta) as net_change
    from issue_transitions
    where
        transitioned_at >= $start_at::timestamptz
        and transitioned_at < $end_at::timestamptz
    group by issue_id
),

issue as (
    select
        if(len(label_names) = 0, ['(no label)'], label_names) as label_names,
        open_issue.issue_id is not null as is_open,
        coalesce(opened_count, 0) as opened_count,
        coalesce(closed_count, 0) as closed_count,
        coalesce(net_change, 0) as net_change
    from lifecycle
    left join open_issue using (issue_id)
    left join moved using (issue_id)
    where open_issue.issue_id is not null or moved.issue_id is not null
),

labelled as (
    select * replace (unnest(label_names) as label_names)
    from issue
)

select
    label_names as label_name,
    count(*) filter (where is_open) as open_issue_count,
    count(*) filter (where is_open) / nullif((select count(*) from open_issue), 0)::double as share_of_open,
    sum(opened_count)::bigint as opened_count,
    sum(closed_count)::bigint as closed_count,
    sum(net_change)::bigint as net_change
from labelled
group by label_names
order by open_issue_count desc, abs(sum(net_change)) desc, label_name
