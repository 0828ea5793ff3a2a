-- Issues and pull requests with a first response, maintainer's response or review that no human other than the author
-- gave: read off what was received, and not off the acts that the marts are made of. Whom the watch list calls a bot is none.
-- Who is who goes by the id: logins are changed, and taken by others then.
with received as (
    select thread_number, occurred_at as said_at, actor_login as login, actor_id as id, actor_type as type,
        false as is_review
    from conversation_event
    where event_type = 'commented'
    union all
    select thread_number, created_at, author_login, author_id, author_type, false
    from issue_comment
    union all
    select pull_request_number, submitted_at, author_login, author_id, author_type, true
    from review
    union all
    select pull_request_number, coalesce(submitted_at, created_at), author_login, author_id, author_type, false
    from review_comment
),

response as (
    select repo_owner, repo_name, pull_request_number as issue_number,
        unnest(['first_response_at', 'first_maintainer_response_at', 'first_review_at']) as told_as,
        unnest([first_response_at, first_maintainer_response_at, first_review_at]) as said_at
    from mart_pull_request_lifecycle
    union all
    select repo_owner, repo_name, issue_number,
        unnest(['first_response_at', 'first_maintainer_response_at']),
        unnest([first_response_at, first_maintainer_response_at])
    from mart_first_response
)

select response.repo_owner, response.repo_name, response.issue_number, response.told_as, response.said_at
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
            and (received.is_review or response.told_as <> 'first_review_at')
            and coalesce(received.type not in ('Bot', 'Organization'), true)
            and not coalesce(ends_with(received.login, '[bot]'), false)
            and not coalesce(list_contains($bots::varchar[], lower(received.login)), false)
            and if(
                coalesce(lower(received.login), 'ghost') = 'ghost', 'ghost',
                coalesce(received.id::varchar, lower(received.login))
            ) <> if(
                coalesce(lower(issue.author_login), 'ghost') = 'ghost', 'ghost',
                coalesce(issue.author_id::varchar, lower(issue.author_login))
            )
    )
