-- Grain: one issue or pull request. Key: repo_owner, repo_name, issue_id. Here: the changed ones.
-- How its author was tied to the repository when it was received first: GitHub computes that when it is asked, and
-- issue_current has what the newest record says. Of what a lake held before it had this table, the conversation or else
-- that record is the first known. Retention keeps every thread's first record, as what it was first seen in.
with first_sync as (
    select least(
        (select min(fetched_at) from stored_thread_opening),
        (select min(first_sync_at) from stored_conversation_thread),
        (select min(fetched_at) from issue_record)
    ) as first_sync_at
),

received as (
    select
        repo_owner, repo_name, issue_id, author_association, created_at, fetched_at,
        (fetched_at, run_sequence, page_number, record_number) as place
    from issue_record
    where rule is null
    union all
    select
        issue.repo_owner, issue.repo_name, issue_id,
        if(
            opening.issue_id is null,
            coalesce(thread.author_association, issue.author_association),
            opening.author_association
        ),
        issue.created_at,
        coalesce(opening.fetched_at, issue.fetched_at),
        (coalesce(opening.fetched_at, timestamptz '1970-01-01'), -1, 0, 0)
    from stored_issue_current as issue
    semi join changed_thread using (issue_id)
    left join stored_thread_opening as opening using (issue_id)
    left join stored_conversation_thread as thread using (issue_id)
)

select
    received.repo_owner,
    received.repo_name,
    received.issue_id,
    received.author_association,
    received.created_at < first_sync.first_sync_at as is_inferred,
    received.fetched_at
from received
cross join first_sync
qualify row_number() over (partition by received.issue_id order by received.place) = 1
