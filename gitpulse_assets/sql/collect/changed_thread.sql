-- Grain: one issue or pull request whose newest record is newer than the conversation known of it. As changed_issue, for
-- both kinds: what is stored and what is not merged yet, and a conversation fetched within a minute of its updated_at
-- once more. A full refresh ($is_full) also asks for those that did not come whole, that lack what the server knows by
-- now ($lost), or that have other comments than GitHub counts: deleting one need not move updated_at.
-- One of which more than a page of entries ($page_entries) is held whole is asked for from `since_at` on: the moment of
-- the entry half a page before its end, so that what changed in the newest ones shows, too. That adds only; a full
-- refresh asks for it whole again. What it holds already (comments, dismissals of reviews) stands beside, by which an
-- answer that does not fit it is known. One of which a comment on a line names a review that its conversation did not
-- tell is asked for whole: the review was submitted since, begun before what was asked for, or cut off.
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
    select
        issue_id, thread_updated_at, fetched_at, is_complete, left_out, coalesce(is_newer_part, false) as is_newer_part,
        true as is_merged
    from stored_conversation_thread
    union all
    select
        issue_id,
        coalesce(try_cast(payload_json ->> '$.updatedAt' as timestamptz), fetched_at),
        fetched_at,
        is_complete,
        left_out,
        (payload_json ->> '$.comments') is not null,
        false
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
        arg_max(coalesce(left_out, []), fetched_at) as left_out,
        arg_max(is_newer_part, fetched_at) as is_newer_part,
        arg_max(is_merged, fetched_at) as is_merged,
        bool_and(is_merged and is_complete and left_out is null) as is_held_whole
    from conversation
    group by issue_id
),

untold as (
    select distinct pull_request_number as issue_number
    from stored_review_comment
    where review_id is not null and submitted_at is null
),

held as (
    select
        issue_id,
        count(*) filter (where event_type = 'commented') as comment_count,
        count(*) as entry_count
    from stored_conversation_event
    group by issue_id
),

long_entry as (
    select
        issue_id, event_id, event_type, occurred_at,
        row_number() over (partition by issue_id order by occurred_at desc) as place
    from stored_conversation_event
    semi join (from held where entry_count > $page_entries) as held using (issue_id)
    semi join (from known where is_held_whole) as known using (issue_id)
),

long_thread as (
    select
        issue_id,
        min(occurred_at) filter (where place <= $page_entries // 2) as since_at,
        list(event_id) filter (where event_type = 'commented') as held_comments,
        list(event_id) filter (where event_type = 'review_dismissed') as held_dismissals
    from long_entry
    where not $is_full
    group by issue_id
)

select
    newest.issue_id,
    newest.issue_node_id,
    newest.issue_number,
    if(newest.is_pull_request, 'PullRequest', 'Issue') as typename,
    if(untold.issue_number is null, long_thread.since_at, null) as since_at,
    long_thread.held_comments,
    long_thread.held_dismissals
from newest
left join long_thread using (issue_id)
left join known using (issue_id)
left join held using (issue_id)
left join untold using (issue_number)
where
    newest.issue_node_id is not null
    and (
        known.thread_updated_at is null
        or newest.updated_at > known.thread_updated_at
        or (newest.updated_at = known.thread_updated_at and known.is_early)
        or (untold.issue_number is not null and known.is_merged)
        or (
            $is_full
            and (
                not known.is_complete
                or known.is_newer_part
                or not list_has_all($lost::varchar[], known.left_out)
                or newest.comment_count <> coalesce(held.comment_count, 0)
            )
        )
    )
order by newest.issue_number
