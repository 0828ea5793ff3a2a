-- Grain: one row per repository and label that an issue has now, and one for the issues without label (label_id 0,
-- which GitHub never gives). Key: repo_owner, repo_name, label_id. An issue with three labels counts under each, so
-- the rows add up to more than the backlog. Flows are those of the issues that have the label now.
with issue_label as (
    select
        issues.repo_owner,
        issues.repo_name,
        issues.issue_id,
        issues.is_open,
        coalesce(labels.label_id, 0) as label_id,
        coalesce(label_name.label_name, '(no label)') as label_name
    from mart_issue_lifecycle as issues
    left join issue_labels as labels using (repo_owner, repo_name, issue_id)
    left join label_name using (repo_owner, repo_name, label_id)
),

stock as (
    select
        repo_owner,
        repo_name,
        label_id,
        any_value(label_name) as label_name,
        count(*) as issue_count,
        count(*) filter (where is_open) as open_issue_count
    from issue_label
    group by repo_owner, repo_name, label_id
),

recent as (
    select
        repo_owner,
        repo_name,
        issue_id,
        kind,
        delta,
        epoch_us(transitioned_at) > epoch_us($as_of_at::timestamptz) - 28 * 86400000000 as is_in_28d
    from issue_transitions
    where epoch_us(transitioned_at) > epoch_us($as_of_at::timestamptz) - 90 * 86400000000
),

flow as (
    select
        repo_owner,
        repo_name,
        label_id,
        count(*) filter (where is_in_28d and kind = 'opened') as opened_28d_count,
        count(*) filter (where is_in_28d and kind = 'closed') as closed_28d_count,
        sum(delta) filter (where is_in_28d) as net_change_28d,
        count(*) filter (where kind = 'opened') as opened_90d_count,
        count(*) filter (where kind = 'closed') as closed_90d_count,
        sum(delta) as net_change_90d
    from recent
    join issue_label using (repo_owner, repo_name, issue_id)
    group by repo_owner, repo_name, label_id
),

backlog as (
    select repo_owner, repo_name, count(*) filter (where is_open) as open_issue_count
    from mart_issue_lifecycle
    group by repo_owner, repo_name
)

select
    repo_owner,
    repo_name,
    stock.label_id,
    stock.label_name,
    stock.issue_count,
    stock.open_issue_count,
    stock.open_issue_count / nullif(backlog.open_issue_count, 0)::double as share_of_open,
    coalesce(flow.opened_28d_count, 0)::bigint as opened_28d_count,
    coalesce(flow.closed_28d_count, 0)::bigint as closed_28d_count,
    coalesce(flow.net_change_28d, 0)::bigint as net_change_28d,
    coalesce(flow.opened_90d_count, 0)::bigint as opened_90d_count,
    coalesce(flow.closed_90d_count, 0)::bigint as closed_90d_count,
    coalesce(flow.net_change_90d, 0)::bigint as net_change_90d
from stock
join backlog using (repo_owner, repo_name)
left join flow using (repo_owner, repo_name, label_id)
