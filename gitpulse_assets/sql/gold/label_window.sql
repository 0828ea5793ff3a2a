-- Grain: one row per label that an issue has now, or (no label) for those without one, and window of $windows_days.
-- Key: repo_owner, repo_name, label_name, window_days.
-- A label is known by its name, which a repository gives to one label at a time. An issue with three labels counts
-- under each, so the rows add up to more than the backlog. Flows are those of the issues that have the label now, in
-- the days before $end_at; where $is_up_to_now, what happened since counts to every window, too.
with windows as (
    select
        unnest($windows_days::bigint[]) as window_days,
        epoch_us($end_at::timestamptz) - window_days * 86400000000 as start_us
),

recent as (
    select repo_owner, repo_name, issue_id, kind, delta, epoch_us(transitioned_at) as moved_us
    from issue_transitions
    where
        epoch_us(transitioned_at) >= (select min(start_us) from windows)
        and ($is_up_to_now::boolean or epoch_us(transitioned_at) < epoch_us($end_at::timestamptz))
),

issue_label as (
    select
        repo_owner,
        repo_name,
        issue_id,
        is_open,
        unnest(if(len(label_names) = 0, ['(no label)'], label_names)) as label_name
    from mart_issue_lifecycle
),

stock as (
    select
        repo_owner,
        repo_name,
        label_name,
        count(*) as issue_count,
        count(*) filter (where is_open) as open_issue_count
    from issue_label
    group by repo_owner, repo_name, label_name
),

backlog as (
    select repo_owner, repo_name, count(*) filter (where is_open) as open_issue_count
    from mart_issue_lifecycle
    group by repo_owner, repo_name
),

flow as (
    select
        repo_owner,
        repo_name,
        issue_label.label_name,
        windows.window_days,
        count(*) as move_count,
        count(*) filter (where recent.kind = 'opened') as opened_count,
        count(*) filter (where recent.kind = 'closed') as closed_count,
        sum(recent.delta) as net_change
    from recent
    join windows on recent.moved_us >= windows.start_us
    join issue_label using (repo_owner, repo_name, issue_id)
    group by repo_owner, repo_name, issue_label.label_name, windows.window_days
)

select
    repo_owner,
    repo_name,
    label_name,
    window_days,
    stock.issue_count,
    stock.open_issue_count,
    stock.open_issue_count / nullif(backlog.open_issue_count, 0)::double as share_of_open,
    coalesce(flow.move_count, 0)::bigint as move_count,
    coalesce(flow.opened_count, 0)::bigint as opened_count,
    coalesce(flow.closed_count, 0)::bigint as closed_count,
    coalesce(flow.net_change, 0)::bigint as net_change
from stock
cross join windows
join backlog using (repo_owner, repo_name)
left join flow using (repo_owner, repo_name, label_name, window_days)
