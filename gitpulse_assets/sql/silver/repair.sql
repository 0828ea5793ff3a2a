-- Grain: one issue or pull request whose rows a full walk corrected. Key: issue_id.
-- A silent change is one that left updated_at where it was: no `since` ever brings it. Overlooked is what an earlier
-- walk should have brought and did not: unknown, or changed, before the moment an incremental walk would have gone
-- back to. Departures belong to the walk that missed the issue, which their run made or followed.
with walk as (
    select distinct walk_run_ids, walk_run_ids[1] as walk_run_id, since, o.run_sequence
    from bronze_reconciliation as b
    join run_order as o on o.run_id = b.walk_run_ids[1]
),

walk_run as (
    select walk_run_id, since, unnest(walk_run_ids) as run_id
    from walk
),

record as (
    select r.issue_id, walk_run.walk_run_id, walk_run.since, r.body_md5
    from issue_record as r
    semi join issue_winner as w on r.rowid = w.record_rowid
    join walk_run using (run_id)
    -- What was not known before can only be overlooked, and only where there was a walk to overlook it.
    where walk_run.since is not null or r.issue_id in (select issue_id from stored_issue_current)
),

compared as (
    select
        record.issue_id,
        record.walk_run_id,
        record.since,
        record.body_md5,
        new.updated_at,
        old.updated_at as old_updated_at,
        old.departed_at is not null and new.departed_at is null as is_returned,
        coalesce(old.updated_at = new.updated_at, false) as is_same_moment,
        (old.author_id, old.author_login, old.author_type)
        is distinct from (new.author_id, new.author_login, new.author_type) as is_other_author,
        (old.state, old.state_reason, old.closed_at)
        is distinct from (new.state, new.state_reason, new.closed_at) as is_other_state,
        (
            old.issue_node_id, old.issue_number, old.title, old.is_locked, old.active_lock_reason,
            old.is_pull_request, old.is_draft, old.merged_at, old.author_association, old.comment_count,
            old.milestone_title, old.issue_type, old.closed_by_login, old.html_url, old.created_at
        ) is distinct from (
            new.issue_node_id, new.issue_number, new.title, new.is_locked, new.active_lock_reason,
            new.is_pull_request, new.is_draft, new.merged_at, new.author_association, new.comment_count,
            new.milestone_title, new.issue_type, new.closed_by_login, new.html_url, new.created_at
        ) as has_other_columns
    from record
    join issue_current as new using (issue_id)
    left join stored_issue_current as old using (issue_id)
),

label as (
    select issue_id, list(row(label_id, label_name, label_color, label_description) order by label_id) as labels
    from issue_labels
    semi join compared using (issue_id)
    group by issue_id
),

old_label as (
    select issue_id, list(row(label_id, label_name, label_color, label_description) order by label_id) as labels
    from stored_issue_labels
    semi join compared using (issue_id)
    group by issue_id
),

assignee as (
    select issue_id, list(row(user_id, user_login, user_type) order by user_id) as assignees
    from issue_assignees
    semi join compared using (issue_id)
    group by issue_id
),

old_assignee as (
    select issue_id, list(row(user_id, user_login, user_type) order by user_id) as assignees
    from stored_issue_assignees
    semi join compared using (issue_id)
    group by issue_id
),

walked as (
    select
        compared.issue_id,
        compared.walk_run_id,
        is_same_moment and label.labels is distinct from old_label.labels as has_label_change,
        is_same_moment
        and (is_other_author or assignee.assignees is distinct from old_assignee.assignees) as has_login_change,
        is_same_moment and is_other_state as has_state_change,
        is_same_moment
        and (has_other_columns or compared.body_md5 is distinct from old_body.body_md5) as has_other_change,
        coalesce(
            compared.updated_at < compared.since
            and (compared.old_updated_at is null or compared.old_updated_at < compared.updated_at),
            false
        ) as is_overlooked,
        compared.is_returned
    from compared
    left join label using (issue_id)
    left join old_label using (issue_id)
    left join assignee using (issue_id)
    left join old_assignee using (issue_id)
    left join stored_issue_body as old_body using (issue_id)
),

departed as (
    select new.issue_id, walk.walk_run_id, new.departure_kind
    from (select distinct issue_id, run_id from bronze_departure) as departure
    join run_order as departure_run using (run_id)
    join walk on walk.run_sequence <= departure_run.run_sequence
    join issue_current as new using (issue_id)
    join stored_issue_current as old using (issue_id)
    where old.departed_at is null and new.departed_at is not null
    qualify row_number() over (partition by new.issue_id order by walk.run_sequence desc) = 1
)

select
    issue_id, walk_run_id, has_label_change, has_login_change, has_state_change, has_other_change, is_overlooked,
    is_returned, null as departure_kind
from walked
where has_label_change or has_login_change or has_state_change or has_other_change or is_overlooked or is_returned
union all
select issue_id, walk_run_id, false, false, false, false, false, false, departure_kind
from departed
