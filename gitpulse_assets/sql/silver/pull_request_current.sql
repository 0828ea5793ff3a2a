-- Grain: one pull request. Key: repo_owner, repo_name, issue_id. Here: of the changed threads.
-- The issue list tells what it is, GraphQL what that lacks; of the latter the newest answer that came counts, and what
-- was never asked stays null. A merge closes: one that the list does not tell yet, at its own moment. A review that
-- comes ends the request for it, whoever it is from.
with told as (
    select
        r.issue_id,
        try_cast(r.p.fullDatabaseId as bigint) as pull_request_id,
        r.p.id as pull_request_node_id,
        try_cast(r.p.mergedAt as timestamptz) as merged_at,
        {
            login: merger.login || if(
                merger.__typename = 'Bot' and not ends_with(merger.login, '[bot]'), '[bot]', ''
            ),
            id: merger.databaseId,
            type: merger.__typename
        } as merged_by,
        r.p.headRefName as head_ref,
        r.p.baseRefName as base_ref,
        r.p.additions as additions,
        r.p.deletions as deletions,
        r.p.changedFiles as changed_file_count,
        r.p.commits.totalCount as commit_count,
        (r.fetched_at, r.run_sequence, r.page_number, r.record_number) as place
    from (
        -- A forgotten person is the account that stands for deleted ones.
        select *, if(p.mergedBy.databaseId = 10137, null, p.mergedBy) as merger
        from conversation_record
    ) as r
    where r.is_pull_request and not r.is_unserved
    union all
    select
        issue_id, pull_request_id, pull_request_node_id, merged_at,
        {login: merged_by_login, id: merged_by_id, type: merged_by_type},
        head_ref, base_ref, additions, deletions, changed_file_count, commit_count,
        (timestamptz '1970-01-01', -1::bigint, 0::integer, 0::integer)
    from stored_pull_request_current
    semi join changed_thread using (issue_id)
),

detail as (
    select *
    from told
    qualify row_number() over (partition by issue_id order by place desc) = 1
),

closing as (
    select
        issue_id, max(closed_at) as last_closing_at,
        arg_max(is_by_commit, (closed_at, event_number)) as is_last_closing_by_commit
    from (
        select issue_id, closed_at, is_by_commit, event_number
        from listed_closing
        union all
        select issue_id, last_closing_at, is_last_closing_by_commit, -1
        from stored_pull_request_current
        semi join changed_thread using (issue_id)
        where last_closing_at is not null
    ) as told
    group by issue_id
),

reopening as (
    select issue_id, count(*) as times_reopened
    from conversation_event
    where event_type = 'reopened'
    group by issue_id
),

last_request as (
    -- By the account: who was renamed is told by a former login where the request was.
    select
        issue_id,
        arg_max(login, (coalesce(last_fetched_at, fetched_at), occurred_at, position)) as login,
        arg_max(event_type, (occurred_at, position)) as event_type
    from (
        select
            issue_id, subject_login as login, subject_id as id, event_type, occurred_at, position, fetched_at,
            last_fetched_at
        from conversation_event
        where event_type in ('review_requested', 'review_request_removed')
        union all
        select
            issue_id, actor_login, actor_id, event_type, occurred_at, position, fetched_at, last_fetched_at
        from conversation_event
        where event_type = 'reviewed'
    ) as request
    where login is not null
    group by issue_id, coalesce(id::varchar, login)
),

requested as (
    select issue_id, list(login order by login) as logins
    from last_request
    where event_type = 'review_requested'
    group by issue_id
)

select
    issue.repo_owner,
    issue.repo_name,
    issue.issue_id,
    issue.issue_number as pull_request_number,
    detail.pull_request_id,
    coalesce(detail.pull_request_node_id, issue.issue_node_id) as pull_request_node_id,
    issue.title,
    if(coalesce(issue.merged_at, detail.merged_at) is not null, 'merged', issue.state) as state,
    issue.is_draft,
    if(issue.author_id = 10137, null, issue.author_login) as author_login,
    if(issue.author_id = 10137, null, issue.author_id) as author_id,
    if(issue.author_id = 10137, null, issue.author_type) as author_type,
    opening.author_association,
    issue.created_at,
    issue.updated_at,
    coalesce(issue.closed_at, issue.merged_at, detail.merged_at) as closed_at,
    coalesce(issue.merged_at, detail.merged_at) as merged_at,
    detail.merged_by.login as merged_by_login,
    detail.merged_by.id as merged_by_id,
    detail.merged_by.type as merged_by_type,
    detail.head_ref,
    detail.base_ref,
    detail.additions,
    detail.deletions,
    detail.changed_file_count,
    detail.commit_count,
    closing.last_closing_at,
    closing.is_last_closing_by_commit,
    if(thread.issue_id is null, null, coalesce(requested.logins, [])) as requested_reviewer_logins,
    if(thread.issue_id is null, null, coalesce(reopening.times_reopened, 0)) as times_reopened,
    issue.comment_count,
    issue.departed_at,
    issue.fetched_at
from issue_current as issue
semi join changed_thread using (issue_id)
left join detail using (issue_id)
left join conversation_thread as thread using (issue_id)
left join thread_opening as opening using (issue_id)
left join closing using (issue_id)
left join reopening using (issue_id)
left join requested using (issue_id)
where issue.is_pull_request
