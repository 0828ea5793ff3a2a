-- Grain: one submitted review. Key: repo_owner, repo_name, review_id. Here: of the touched pull requests.
-- A review that was dismissed says no more than that; what it said before stands in the event that dismissed it.
with dismissal as (
    select
        issue_id,
        review_id,
        arg_max(review_state, (occurred_at, position)) as state_before,
        max(occurred_at) as dismissed_at,
        arg_max({login: actor_login, id: actor_id, type: actor_type}, (occurred_at, position)) as dismissed_by
    from conversation_event
    where event_type = 'review_dismissed' and review_id is not null
    group by issue_id, review_id
)

select
    e.repo_owner,
    e.repo_name,
    e.review_id,
    e.issue_id,
    e.thread_number as pull_request_number,
    e.actor_login as author_login,
    e.actor_id as author_id,
    e.actor_type as author_type,
    e.actor_association as author_association,
    e.is_inferred,
    e.review_state as state,
    coalesce(dismissal.state_before, e.review_state) as state_submitted,
    e.occurred_at as submitted_at,
    dismissal.dismissed_at,
    dismissal.dismissed_by.login as dismissed_by_login,
    dismissal.dismissed_by.id as dismissed_by_id,
    dismissal.dismissed_by.type as dismissed_by_type,
    e.edited_at,
    e.fetched_at
from conversation_event as e
semi join touched_conversation using (issue_id)
left join dismissal using (issue_id, review_id)
where e.event_type = 'reviewed' and e.review_id is not null
