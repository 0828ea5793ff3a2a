-- Grain: one submitted review. Key: repo_owner, repo_name, review_id. Here: all.
-- A review that was dismissed says no more than that; what it said before stands in the event that dismissed it.
-- GitHub makes a review of every reply to a comment on a line and leaves it out of the timeline: of a pull request whose
-- timeline came whole, a review that only its comments name is such a one.
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
),

shown as (
    select *
    from conversation_event
    where event_type = 'reviewed' and review_id is not null
),

reply as (
    select
        comment.review_id,
        comment.pull_request_number,
        min(comment.submitted_at) as submitted_at,
        arg_min(
            {
                login: comment.author_login, id: comment.author_id, type: comment.author_type,
                association: comment.author_association, is_inferred: comment.is_inferred
            },
            (comment.created_at, comment.comment_id)
        ) as author,
        min(comment.fetched_at) as fetched_at,
        max(comment.last_fetched_at) as last_fetched_at
    from review_comment as comment
    anti join shown using (review_id)
    where comment.review_id is not null and comment.submitted_at is not null
    group by comment.review_id, comment.pull_request_number
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
    e.fetched_at,
    e.last_fetched_at
from shown as e
left join dismissal using (issue_id, review_id)
union all
select
    thread.repo_owner,
    thread.repo_name,
    reply.review_id,
    thread.issue_id,
    reply.pull_request_number,
    reply.author.login,
    reply.author.id,
    reply.author.type,
    reply.author.association,
    reply.author.is_inferred,
    'COMMENTED',
    'COMMENTED',
    reply.submitted_at,
    null,
    null,
    null,
    null,
    null,
    reply.fetched_at,
    reply.last_fetched_at
from reply
join conversation_thread as thread
    on reply.pull_request_number = thread.thread_number and thread.is_pull_request
