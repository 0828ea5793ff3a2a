-- Issues and pull requests with a first response, maintainer's response or review that no human other than the author
-- gave: read off what was received, and not off the acts that the marts are made of. Whom the watch list calls a bot is none.
-- Who is who goes by the id: logins are changed, and taken by others then. A bot is one in every row, by whatever login;
-- one that is listed is its who bore it last.
with received as (
    select thread_number, occurred_at as said_at, actor_login as login, actor_id as id, actor_type as type,
        false as is_review, false as is_opening,
        coalesce(last_fetched_at, fetched_at) as told_at
    from conversation_event
    where event_type = 'commented'
    union all
    select thread_number, created_at, author_login, author_id, author_type, false, false,
        coalesce(last_fetched_at, fetched_at)
    from issue_comment
    union all
    select pull_request_number, submitted_at, author_login, author_id, author_type, true, false,
        coalesce(last_fetched_at, fetched_at)
    from review
    union all
    select pull_request_number, coalesce(submitted_at, created_at), author_login, author_id, author_type, false, false,
        coalesce(last_fetched_at, fetched_at)
    from review_comment
    union all
    select issue_number, created_at, author_login, author_id, author_type, false, true, fetched_at
    from issue_current
),

told as (
    select
        *,
        if(coalesce(lower(login), 'ghost') = 'ghost', 'ghost', coalesce(id::varchar, lower(login))) as who
    from received
),

robot as (
    select who
    from told
    where who <> 'ghost' and (type in ('Bot', 'Organization') or login like '%[bot]')
    union all
    select arg_max(who, (told_at, said_at))
    from told
    where lower(login) in (select unnest($bots::varchar[]))
    group by lower(login), id is null
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
        from told
        join told as opening on opening.thread_number = told.thread_number and opening.is_opening
        anti join robot on robot.who = told.who
        where
            not told.is_opening
            and told.thread_number = response.issue_number
            and told.said_at = response.said_at
            and (told.is_review or response.told_as <> 'first_review_at')
            and told.who <> opening.who
    )
