-- Grain: one row per issue, pull requests never. Key: repo_owner, repo_name, issue_id.
-- Departed issues stay, as neither open nor, unless they were closed before they left, closed.
-- The closing takes effect at created_at where GitHub dates it earlier, and at the ledger's last closing
-- (failing that at updated_at) where GitHub says closed without saying when: no closed issue is without an age.
-- Nothing here knows the as-of moment: a row stays as it is until something of its issue changes (mart_ranges.py).
with history as (
    select
        repo_owner,
        repo_name,
        issue_id,
        min(transitioned_at) filter (where kind = 'closed') as first_closed_at,
        max(transitioned_at) filter (where kind in ('closed', 'converted')) as last_closed_at,
        count(*) filter (where kind = 'reopened') as times_reopened,
        if(sum(delta) > 0, max(transitioned_at) filter (where delta > 0), null) as open_since_at,
        -- Each leaving ends a stretch and each entering starts one, but for the one that is still on.
        (coalesce(epoch_us(open_since_at), 0) - sum(delta * epoch_us(transitioned_at)))
            // 1000000 as past_open_seconds
    from issue_transitions
    group by repo_owner, repo_name, issue_id
),

label_position as (
    -- Distinct names are few, so the patterns are tried on them and not on every issue's labels.
    select names.label_name, min(patterns.position) as position
    from (select distinct label_name from label_name) as names
    join label_group_pattern as patterns on regexp_matches(names.label_name, patterns.pattern, 'i')
    group by names.label_name
),

labels as (
    select
        repo_owner,
        repo_name,
        issue_id,
        list_sort(list(distinct label_name.label_name)) as label_names,
        min(label_position.position) as position
    from issue_labels
    join label_name using (repo_owner, repo_name, label_id)
    left join label_position on label_position.label_name = label_name.label_name
    group by repo_owner, repo_name, issue_id
),

assignees as (
    select repo_owner, repo_name, issue_id, list_sort(list(distinct user_login)) as assignee_logins
    from issue_assignees
    where user_login is not null
    group by repo_owner, repo_name, issue_id
),

closing as (
    select
        repo_owner,
        repo_name,
        issue_id,
        history.first_closed_at,
        history.times_reopened,
        history.open_since_at,
        history.past_open_seconds,
        case when state = 'closed'
            then greatest(coalesce(closed_at, history.last_closed_at, updated_at), created_at)
        end as closing_at
    from issue_current
    left join history using (repo_owner, repo_name, issue_id)
    where not is_pull_request
)

select
    issue.repo_owner,
    issue.repo_name,
    issue.issue_id,
    issue.issue_node_id,
    issue.issue_number,
    issue.title,
    issue.state,
    issue.state_reason,
    issue.is_locked,
    issue.active_lock_reason,
    issue.author_id,
    issue.author_login,
    issue.author_type,
    issue.author_association,
    issue.assignee_count,
    issue.comment_count,
    issue.milestone_title,
    issue.issue_type,
    issue.closed_by_login,
    issue.html_url,
    issue.created_at,
    issue.updated_at,
    issue.closed_at,
    issue.departed_at,
    issue.departure_kind,
    issue.departed_to,
    issue.run_id,
    issue.page_number,
    issue.fetched_at,
    make_timestamp(epoch_us(issue.created_at))::date as created_date,
    make_timestamp(epoch_us(closing.closing_at))::date as closed_date,
    issue.state = 'open' and issue.departed_at is null as is_open,
    issue.state = 'closed' as is_closed,
    (epoch_us(closing.closing_at) - epoch_us(issue.created_at)) / 86400000000.0::double as closure_age_days,
    least(closing.first_closed_at, closing.closing_at) as first_closed_at,
    coalesce(closing.times_reopened, 0)::bigint as times_reopened,
    closing.open_since_at,
    coalesce(closing.past_open_seconds, 0)::bigint as past_open_seconds,
    coalesce(labels.label_names, []::varchar[]) as label_names,
    coalesce(label_group_pattern.label_group, 'other') as label_group,
    coalesce(assignees.assignee_logins, []::varchar[]) as assignee_logins
from issue_current as issue
join closing using (repo_owner, repo_name, issue_id)
left join labels using (repo_owner, repo_name, issue_id)
left join label_group_pattern using (position)
left join assignees using (repo_owner, repo_name, issue_id)
