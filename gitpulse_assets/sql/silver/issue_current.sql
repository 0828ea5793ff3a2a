-- Grain: one issue or pull request. Key: repo_owner, repo_name, issue_id. Here: the touched ones.
-- A touched issue without a better record (its record was bad, stale, or only its departure was noticed) keeps its
-- stored row. What left the repository keeps its row with the last state seen and says when and where it went; it
-- is present again as soon as a record shows it.
with last_sighting as (
    select issue_id, state, seen_at, departed_at, departure_kind, departed_to
    from issue_sighting
    semi join touched_issue using (issue_id)
    qualify row_number() over (partition by issue_id order by sighting_number desc) = 1
),

assigned as (
    select record_rowid, count(distinct user_id) as assignee_count
    from record_assignee
    group by record_rowid
),

newest as (
    select
        r.repo_owner, r.repo_name, r.issue_id, r.issue_node_id, r.issue_number, r.title, r.state, r.state_reason,
        r.is_reason_told, r.is_locked, r.active_lock_reason, r.is_pull_request, r.is_draft, r.merged_at,
        r.author.id as author_id, r.author.login as author_login, r.author.type as author_type,
        r.author_association, coalesce(assigned.assignee_count, 0) as assignee_count, r.comment_count,
        r.milestone_title, r.issue_type, r.closed_by_login, r.html_url, r.created_at, r.updated_at, r.closed_at,
        r.run_id, r.page_number, r.fetched_at
    from issue_record as r
    semi join issue_winner as w on r.rowid = w.record_rowid
    left join assigned on r.rowid = assigned.record_rowid
    union all
    select
        repo_owner, repo_name, issue_id, issue_node_id, issue_number, title, state, state_reason,
        is_reason_told, is_locked, active_lock_reason, is_pull_request, is_draft, merged_at,
        author_id, author_login, author_type,
        author_association, assignee_count, comment_count,
        milestone_title, issue_type, closed_by_login, html_url, created_at, updated_at, closed_at,
        run_id, page_number, fetched_at
    from stored_issue_current
    semi join touched_issue using (issue_id)
    anti join issue_winner using (issue_id)
)

select
    newest.repo_owner,
    newest.repo_name,
    newest.issue_id,
    newest.issue_node_id,
    newest.issue_number,
    newest.title,
    newest.state,
    newest.state_reason,
    newest.is_reason_told,
    newest.is_locked,
    newest.active_lock_reason,
    newest.is_pull_request,
    newest.is_draft,
    newest.merged_at,
    newest.author_id,
    newest.author_login,
    newest.author_type,
    newest.author_association,
    newest.assignee_count,
    newest.comment_count,
    newest.milestone_title,
    newest.issue_type,
    newest.closed_by_login,
    newest.html_url,
    newest.created_at,
    newest.updated_at,
    newest.closed_at,
    case when last.state = 'departed' then coalesce(last.departed_at, last.seen_at) end as departed_at,
    last.departure_kind,
    last.departed_to,
    newest.run_id,
    newest.page_number,
    newest.fetched_at
from newest
-- What was turned into a pull request departed as an issue only.
left join last_sighting as last
    on newest.issue_id = last.issue_id
    and not coalesce(newest.is_pull_request and last.departure_kind = 'converted', false)
