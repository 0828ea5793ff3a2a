-- Grain: one comment. Key: repo_owner, repo_name, comment_id. Here: all.
-- The last update wins, then the latest fetch; the association and the moment of receipt are the first ones received.
with first_sync as (
    select coalesce(
        (select min(first_sync_at) from conversation_thread),
        (select min(fetched_at) from stored_review_comment),
        (select min(fetched_at) from review_comment_record)
    ) as first_sync_at
),

received as (
    select
        repo_owner, repo_name, comment_id, pull_request_number, review_id, in_reply_to_id, file_path,
        author.login as author_login, author.id as author_id, author.type as author_type, author_association,
        created_at, updated_at, reaction_count, reaction_plus_1_count, reaction_minus_1_count,
        reaction_laugh_count, reaction_hooray_count, reaction_confused_count, reaction_heart_count, reaction_rocket_count, reaction_eyes_count,
        run_id, fetched_at, fetched_at as last_fetched_at, least(updated_at, fetched_at) as settled_at,
        (fetched_at, run_sequence, page_number, record_number) as place, fetched_at as received_at
    from review_comment_record
    where rule is null
    union all
    select
        repo_owner, repo_name, comment_id, pull_request_number, review_id, in_reply_to_id, file_path,
        author_login, author_id, author_type, author_association,
        created_at, updated_at, reaction_count, reaction_plus_1_count, reaction_minus_1_count,
        reaction_laugh_count, reaction_hooray_count, reaction_confused_count, reaction_heart_count, reaction_rocket_count, reaction_eyes_count,
        run_id, fetched_at, last_fetched_at, coalesce(settled_at, least(updated_at, fetched_at)),
        (timestamptz '1970-01-01', -1::bigint, 0::integer, 0::integer), null
    from stored_review_comment
),

first_told as (
    select
        comment_id,
        arg_min(author_association, place) as author_association,
        arg_min(fetched_at, place) as fetched_at,
        min(settled_at) as settled_at
    from received
    group by comment_id
),

-- Asked for by its id, a comment that a whole walk did not meet was not there.
gone as (
    select received.comment_id
    from received
    join bronze_comment_gone as missed
        on received.comment_id = missed.comment_id and missed.list_name = 'review_comment'
    group by received.comment_id
    having coalesce(max(received.received_at) <= max(missed.fetched_at), true)
),

newest as (
    select received.*
    from received
    anti join gone using (comment_id)
    qualify row_number() over (partition by comment_id order by updated_at desc, place desc) = 1
),

named_review as (
    select
        newest.review_id,
        min(newest.created_at) as begun_at,
        max(newest.created_at) as written_at,
        max(first_told.settled_at) as settled_at
    from newest
    join first_told using (comment_id)
    where newest.review_id is not null
    group by newest.review_id
)

select
    newest.repo_owner,
    newest.repo_name,
    newest.comment_id,
    newest.pull_request_number,
    newest.review_id,
    newest.in_reply_to_id,
    newest.file_path,
    newest.author_login,
    newest.author_id,
    newest.author_type,
    first_told.author_association,
    newest.created_at < first_sync.first_sync_at as is_inferred,
    newest.created_at,
    newest.updated_at,
    -- A review that no timeline has is a reply's, submitted as it is written, several drafted ones with the last. Which
    -- it is tells a reading of the whole thread since it was submitted; one of what is newer tells it of what was not
    -- drafted for long. What is older than reviews has none.
    coalesce(review.occurred_at, if(
        named_review.settled_at <= coalesce(thread.whole_at, if(thread.is_complete, thread.fetched_at, null))
        or (
            thread.is_complete
            and named_review.settled_at <= least(thread.fetched_at, named_review.begun_at + interval 1 minute)
        ),
        named_review.written_at,
        null
    )) as submitted_at,
    first_told.settled_at,
    newest.reaction_count,
    newest.reaction_plus_1_count,
    newest.reaction_minus_1_count,
    newest.reaction_laugh_count,
    newest.reaction_hooray_count,
    newest.reaction_confused_count,
    newest.reaction_heart_count,
    newest.reaction_rocket_count,
    newest.reaction_eyes_count,
    newest.run_id,
    first_told.fetched_at,
    newest.last_fetched_at
from newest
join first_told using (comment_id)
cross join first_sync
left join named_review using (review_id)
left join conversation_event as review
    on newest.review_id = review.review_id and review.event_type = 'reviewed'
left join conversation_thread as thread
    on newest.pull_request_number = thread.thread_number and thread.is_pull_request
