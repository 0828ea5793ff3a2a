-- Grain: one row per repository and label that an issue has now, and one for the issues without label (label_id 0,
-- which GitHub never gives). Key: repo_owner, repo_name, label_id. How labels are counted: label_window.sql.
-- Of two labels of one name, the one of which was deleted, the id is that of the one read last.
with label as (
    select repo_owner, repo_name, label_name, arg_max(label_id, (read_at, label_id)) as label_id
    from label_name
    group by repo_owner, repo_name, label_name
)

select
    repo_owner,
    repo_name,
    coalesce(label.label_id, 0) as label_id,
    label_name,
    month.issue_count,
    month.open_issue_count,
    month.share_of_open,
    month.opened_count as opened_28d_count,
    month.closed_count as closed_28d_count,
    month.net_change as net_change_28d,
    quarter.opened_count as opened_90d_count,
    quarter.closed_count as closed_90d_count,
    quarter.net_change as net_change_90d
from label_window as month
join label_window as quarter using (repo_owner, repo_name, label_name)
left join label using (repo_owner, repo_name, label_name)
where month.window_days = 28 and quarter.window_days = 90
