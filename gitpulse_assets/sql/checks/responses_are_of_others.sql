-- Issues and pull requests whose first response no human other than the author gave: read off what was received, and
-- not off the acts that the marts are made of.
with received as (
    select thread_number, occurred_at as said_at, actor_login as login, actor_type as type
    from conversation_event
    where event_type = 'commented'
    union all
    select pull_request_number, submitted_at, author_login, author_type
    from review
    union all
    select pull_request_number, coalesce(submitted_at, created_at), author_login, author_type
    from review_comment
),

response as (
    select repo_owner, repo_name, pull_request_number as issue_number, first_response_at as said_at
    from mart_pull_request_lifecycle
    union all
    select repo_owner, repo_name, issue_number, first_response_at
    from mart_first_response
)

select response.repo_owner, response.repo_name, response.issue_number, response.said_at
from response
where
    response.said_at is not null
    and not exists (
        select 1
        from received
        join issue_current as issue on issue.issue_number = received.thread_number
        where
            received.thread_number = response.issue_number
            and received.said_at = response.said_at
            and coalesce(received.type not in ('Bot', 'Organization'), true)
            and not coalesce(ends_with(received.login, '[bot]'), false)
            and coalesce(lower(received.login), 'ghost') <> coalesce(lower(issue.author_login), 'ghost')
    )
