-- Grain: one lifecycle event. Key: repo_owner, repo_name, issue_id, event_id. Here: of the touched issues.
-- An event never changes, so its first fetch stays, and fetching it again changes nothing. The same event from
-- both sources (kind and second equal, ids in different spellings) is kept once, as GraphQL told it.
with received as (
    select
        repo_owner, repo_name, issue_id, issue_number, event_id, kind, happened_at, position,
        actor_login, actor_id, actor_type, state_reason, from_repository, source, fetched_at,
        0 as is_new, 0 as run_sequence, 0 as page_number, 0 as record_number
    from stored_issue_event
    semi join touched_issue using (issue_id)
    union all
    select
        repo_owner, repo_name, issue_id, issue_number, event_id, kind, happened_at, position,
        actor_login, actor_id, actor_type, state_reason, from_repository, source, fetched_at,
        1, run_sequence, page_number, record_number
    from event_record
    where rule is null
),

first_fetch as (
    select *
    from received
    qualify row_number() over (
        partition by issue_id, event_id
        order by fetched_at, is_new, run_sequence, page_number, record_number, position
    ) = 1
)

select
    repo_owner,
    repo_name,
    issue_id,
    issue_number,
    event_id,
    kind,
    happened_at,
    position::bigint as position,
    actor_login,
    actor_id,
    actor_type,
    state_reason,
    from_repository,
    source,
    fetched_at
from first_fetch
qualify
    source = 'graphql'
    or not bool_or(source = 'graphql') over (partition by issue_id, kind, happened_at)
