-- Grain: one comment. Key: repo_owner, repo_name, comment_id. Here: the touched ones that are there.
-- The last update wins, then the latest fetch; the association and the moment of receipt are the first ones received.
with first_sync as (
    select coalesce(
        (select min(first_sync_at) from conversation_thread),
        (select min(fetched_at) from stored_issue_comment),
        (select min(fetched_at) from issue_comment_record)
    ) as first_sync_at
),

received as (
    select
        repo_owner, repo_name, comment_id, thread_number,
        author.login as author_login, author.id as author_id, author.type as author_type, author_association,
        created_at, updated_at, reaction_count, reaction_plus_1_count, reaction_minus_1_count,
        reaction_laugh_count, reaction_hooray_count, reaction_confused_count, reaction_heart_count, reaction_rocket_count, reaction_eyes_count,
        run_id, fetched_at, fetched_at as last_fetched_at,
        (fetched_at, run_sequence, page_number, record_number) as place, fetched_at as received_at
    from issue_comment_record
    where rule is null
    union all
    select
        repo_owner, repo_name, comment_id, thread_number,
        author_login, author_id, author_type, author_association,
        created_at, updated_at, reaction_count, reaction_plus_1_count, reaction_minus_1_count,
        reaction_laugh_count, reaction_hooray_count, reaction_confused_count, reaction_heart_count, reaction_rocket_count, reaction_eyes_count,
        run_id, fetched_at, last_fetched_at, (timestamptz '1970-01-01', -1::bigint, 0::integer, 0::integer), null
    from stored_issue_comment
    semi join touched_comment using (comment_id)
),

first_told as (
    select
        comment_id,
        arg_min(author_association, place) as author_association,
        arg_min(fetched_at, place) as fetched_at
    from received
    group by comment_id
),

newest as (
    select *
    from received
    qualify row_number() over (partition by comment_id order by updated_at desc, place desc) = 1
),

-- What was written before its thread came whole, and is none of it, was deleted: the list does not tell that. Nor is
-- what a whole walk of the list did not meet and GitHub, asked for it by its id, has not.
gone as (
    select newest.comment_id
    from newest
    join conversation_thread as thread using (thread_number)
    anti join (
        select comment_id from conversation_event where event_type = 'commented'
    ) as said using (comment_id)
    where thread.is_complete and newest.created_at < thread.fetched_at - interval 1 minute
    union
    select received.comment_id
    from received
    join bronze_comment_gone as missed
        on received.comment_id = missed.comment_id and missed.list_name = 'issue_comment'
    group by received.comment_id
    having coalesce(max(received.received_at) <= max(missed.fetched_at), true)
)

select
    newest.repo_owner,
    newest.repo_name,
    newest.comment_id,
    newest.thread_number,
    newest.author_login,
    newest.author_id,
    newest.author_type,
    first_told.author_association,
    newest.created_at < first_sync.first_sync_at as is_inferred,
    newest.created_at,
    newest.updated_at,
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
left join gone using (comment_id)
cross join first_sync
where gone.comment_id is null
