-- Grain: one issue or pull request whose conversation was asked for. Key: repo_owner, repo_name, issue_id. Here: of the
-- touched ones. The association is that of the first answer which told it; what an unserved thread was is kept.
with first_sync as (
    select coalesce(
        (select min(first_sync_at) from stored_conversation_thread),
        (select min(fetched_at) from conversation_record)
    ) as first_sync_at
),

-- What is known of who opened a thread, in the order in which it came.
told as (
    select
        issue_id, author_login, author_id, author_type, author_association, created_at,
        timestamptz '1970-01-01' as told_at, -1 as run_sequence
    from stored_conversation_thread
    semi join touched_conversation using (issue_id)
    where created_at is not null
    union all
    select
        issue_id,
        author.login || if(author.__typename = 'Bot' and not ends_with(author.login, '[bot]'), '[bot]', ''),
        author.databaseId,
        author.__typename,
        p.authorAssociation,
        try_cast(p.createdAt as timestamptz),
        fetched_at,
        run_sequence
    from (
        -- A forgotten person is the account that stands for deleted ones.
        select *, if(p.author.databaseId = 10137, null, p.author) as author
        from conversation_record
    ) as record
    where not is_unserved
),

opening as (
    select
        issue_id,
        arg_max({login: author_login, id: author_id, type: author_type}, (told_at, run_sequence)) as author,
        arg_min(author_association, (told_at, run_sequence)) as author_association,
        arg_max(created_at, (told_at, run_sequence)) as created_at
    from told
    group by issue_id
),

whole as (
    select issue_id, max(whole_at) as whole_at
    from (
        select issue_id, fetched_at as whole_at
        from conversation_record
        where is_complete and not is_unserved and not is_newer_part
        union all
        -- A lake from before there was this column has none.
        select issue_id, coalesce(whole_at, if(is_complete, fetched_at, null))
        from stored_conversation_thread
        semi join touched_conversation using (issue_id)
    ) as told
    group by issue_id
),

newest as (
    select
        r.repo_owner, r.repo_name, r.issue_id, r.thread_number, r.is_pull_request, r.thread_updated_at,
        r.is_complete and not r.is_unserved as is_complete, r.is_newer_part, r.left_out, r.run_id, r.fetched_at
    from conversation_record as r
    semi join conversation_winner as w on r.rowid = w.record_rowid
    union all
    select
        repo_owner, repo_name, issue_id, thread_number, is_pull_request, thread_updated_at, is_complete,
        is_newer_part, left_out, run_id, fetched_at
    from stored_conversation_thread
    semi join touched_conversation using (issue_id)
    anti join conversation_winner using (issue_id)
)

select
    newest.repo_owner,
    newest.repo_name,
    newest.issue_id,
    newest.thread_number,
    newest.is_pull_request,
    opening.author.login as author_login,
    opening.author.id as author_id,
    opening.author.type as author_type,
    opening.author_association,
    coalesce(opening.created_at < first_sync.first_sync_at, true) as is_inferred,
    opening.created_at,
    newest.thread_updated_at,
    newest.is_complete,
    newest.is_newer_part,
    whole.whole_at,
    newest.left_out,
    first_sync.first_sync_at,
    newest.run_id,
    newest.fetched_at
from newest
left join opening using (issue_id)
left join whole using (issue_id)
cross join first_sync
