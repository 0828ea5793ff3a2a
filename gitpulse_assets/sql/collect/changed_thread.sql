-- Grain: one issue or pull request whose newest record is newer than the conversation known of it. As changed_issue, for
-- both kinds: what is stored and what is not merged yet, and a conversation fetched within a minute of its updated_at
-- once more. A full refresh ($is_full) also asks for those that did not come whole, that lack what the server knows by
-- now ($lost), or that have other comments than GitHub counts: deleting one need not move updated_at.
with record as (
    select issue_id, issue_node_id, issue_number, updated_at, is_pull_request, comment_count
    from stored_issue_current
    where departed_at is null
    union all
    select
        issue_id,
        payload_json ->> '$.node_id',
        try_cast(payload_json ->> '$.number' as bigint),
        issue_updated_at,
        coalesce(payload_json -> '$.pull_request', 'null') <> 'null',
        try_cast(payload_json ->> '$.comments' as bigint)
    from bronze_issues
    where issue_id is not null and issue_updated_at is not null
),

newest as (
    select
        issue_id,
        arg_max(issue_node_id, updated_at) as issue_node_id,
        arg_max(issue_number, updated_at) as issue_number,
        max(updated_at) as updated_at,
        arg_max(comment_count, updated_at) as comment_count,
        bool_or(is_pull_request) as is_pull_request
    from record
    group by issue_id
),

conversation as (
    select issue_id, thread_updated_at, fetched_at, is_complete, left_out
    from stored_conversation_thread
    union all
    select
        issue_id,
        coalesce(try_cast(payload_json ->> '$.updatedAt' as timestamptz), fetched_at),
        fetched_at,
        is_complete,
        left_out
    from bronze_issue_timeline
    where
        source = 'graphql'
        and ((payload_json ->> '$.authorAssociation') is not null or (payload_json ->> '$.errors') is not null)
        and (payload_json ->> '$.__typename') is not null
),

known as (
    select
        issue_id,
        max(thread_updated_at) as thread_updated_at,
        max(fetched_at) < max(thread_updated_at) + interval 1 minute as is_early,
        arg_max(is_complete, fetched_at) as is_complete,
        arg_max(coalesce(left_out, []), fetched_at) as left_out
    from conversation
    group by issue_id
),

held as (
    select issue_id, count(*) as comment_count
    from stored_conversation_event
    where event_type = 'commented'
    group by issue_id
)

select
    newest.issue_id,
    newest.issue_node_id,
    newest.issue_number,
    if(newest.is_pull_request, 'PullRequest', 'Issue') as typename
from newest
left join known using (issue_id)
left join held using (issue_id)
where
    newest.issue_node_id is not null
    and (
        known.thread_updated_at is null
        or newest.updated_at > known.thread_updated_at
        or (newest.updated_at = known.thread_updated_at and known.is_early)
        or (
            $is_full
            and (
                not known.is_complete
                or not list_has_all($lost::varchar[], known.left_out)
                or newest.comment_count <> coalesce(held.comment_count, 0)
            )
        )
    )
order by newest.issue_number
