-- Grain: one act in a thread (issue or pull request) that is here: its opening, a comment, a submitted review, a
-- comment on a diff. Relation, not published: whatever asks who spoke, who is human and who maintains reads it here.
-- Human: no Bot and no Organization, nobody who under any login told of them ends in [bot], nor who was the last to
-- bear one that the watch list calls a bot: a service account that is renamed is no human in some rows, and whose former
-- login a service account took is no bot. Deleted accounts are human and one person, of number 0; one known by login
-- alone has a negative number, made as for assignees.
-- Maintainer: a human with the association OWNER or COLLABORATOR; a MEMBER by association before the first look at
-- the organisation's members (for ever where there was none), and by the days of the membership from then on.
-- A review's comment counts from the review's submission: its own time is when the draft was written. One whose review
-- the conversation has not told yet waits for the next refresh, which asks for it, unless it was no draft for long.
-- Comments that no conversation told, since none was asked for since the thread changed (there is no token any more) or
-- it did not come whole, are those of REST's lists, each at its own time; what is no act (`is_act`) tells who somebody
-- is all the same, as who merged does.
-- Who opened a thread goes by the first association received.
with thread as (
    select
        issue.repo_owner,
        issue.repo_name,
        issue.issue_number as thread_number,
        issue.is_pull_request,
        issue.author_login,
        issue.author_id,
        issue.author_type,
        -- A lake from before there was thread_opening has none of what has not changed since.
        if(
            opening.issue_id is null,
            coalesce(conversation_thread.author_association, issue.author_association),
            opening.author_association
        ) as author_association,
        issue.created_at,
        issue.departed_at,
        issue.fetched_at
    from issue_current as issue
    left join conversation_thread on conversation_thread.thread_number = issue.issue_number
    left join thread_opening as opening on opening.issue_id = issue.issue_id
),

told_comment as (
    select comment_id
    from conversation_event
    where event_type = 'commented'
),

-- Conversations that tell how their thread is now.
conversation as (
    select conversation.thread_number, conversation.is_complete, conversation.fetched_at
    from conversation_thread as conversation
    join issue_current as issue
        on issue.issue_id = conversation.issue_id and issue.updated_at <= conversation.thread_updated_at
),

said as (
    select true as is_act, thread_number, 'opening' as act_kind, created_at as acted_at, author_login as login, author_id as id,
        author_type as type, author_association as association, null as review_state,
        null::timestamptz as dismissed_at, fetched_at as told_at
    from thread
    union all
    select true, event.thread_number, 'comment', event.occurred_at, event.actor_login, event.actor_id, event.actor_type,
        event.actor_association, null, null, coalesce(event.last_fetched_at, event.fetched_at)
    from conversation_event as event
    where event.event_type = 'commented'
    union all
    select told.comment_id is null and not coalesce(conversation.is_complete, false), comment.thread_number, 'comment',
        comment.created_at, comment.author_login, comment.author_id, comment.author_type,
        comment.author_association, null, null, coalesce(comment.last_fetched_at, comment.fetched_at)
    from issue_comment as comment
    left join told_comment as told on told.comment_id = comment.comment_id
    left join conversation on conversation.thread_number = comment.thread_number
    union all
    select true, review.pull_request_number, 'review', review.submitted_at, review.author_login, review.author_id,
        review.author_type, review.author_association, review.state_submitted, review.dismissed_at,
        coalesce(review.last_fetched_at, review.fetched_at)
    from review
    union all
    select
        comment.submitted_at is not null
        or comment.review_id is null
        or conversation.thread_number is null
        or (not conversation.is_complete and comment.settled_at <= comment.created_at + interval 1 minute),
        comment.pull_request_number, 'review_comment', coalesce(comment.submitted_at, comment.created_at),
        comment.author_login, comment.author_id, comment.author_type, comment.author_association, null, null,
        coalesce(comment.last_fetched_at, comment.fetched_at)
    from review_comment as comment
    left join conversation on conversation.thread_number = comment.pull_request_number
    union all
    select false, pr.pull_request_number, 'merge', pr.merged_at, pr.merged_by_login, pr.merged_by_id,
        pr.merged_by_type, null, null, null, told.fetched_at
    from pull_request_current as pr
    join conversation_thread as told on told.issue_id = pr.issue_id
    where pr.merged_by_id is not null
),

personal as (
    select
        *,
        case
            when coalesce(lower(login), 'ghost') = 'ghost' then 0
            else coalesce(id, -1 - ('0x' || left(md5(lower(login)), 15))::bigint)
        end as person_id,
        coalesce(
            type in ('Bot', 'Organization')
            or ends_with(login, '[bot]'),
            false
        ) as is_robot,
        make_timestamp(epoch_us(acted_at))::date as acted_date
    from said
),

listed as (
    select distinct arg_max(person_id, (told_at, acted_at)) as person_id
    from personal
    where list_contains($bots::varchar[], lower(login))
    group by lower(login), id is null
),

person as (
    -- By the answer that came last. Two names in one of a moment: somebody was renamed in it.
    select
        person_id,
        if(person_id = 0, 'ghost', arg_max(login, (told_at, login))) as person_login,
        person_id = 0 or not (bool_or(is_robot) or person_id in (from listed)) as is_human
    from personal
    group by person_id
),

first_look as (
    -- Not of the members: an organisation may have none, or show none.
    select min(looked_at) as first_look_at
    from organization_look
    where is_taken
)

select
    thread.repo_owner,
    thread.repo_name,
    thread.thread_number,
    thread.is_pull_request,
    a.act_kind,
    a.acted_at,
    a.acted_date,
    a.person_id,
    person.person_login,
    a.association,
    person.is_human,
    person.is_human and (
        coalesce(a.association in ('OWNER', 'COLLABORATOR'), false)
        or if(
            coalesce(a.acted_at < first_look.first_look_at, true),
            coalesce(a.association = 'MEMBER', false),
            member.user_id is not null
        )
    ) as is_maintainer,
    a.person_id = opener.person_id as is_authors,
    a.review_state,
    a.dismissed_at
from personal as a
join thread on thread.thread_number = a.thread_number
join personal as opener on opener.thread_number = a.thread_number and opener.act_kind = 'opening'
join person on person.person_id = a.person_id
cross join first_look
left join organization_member as member
    on member.user_id = a.id
    and a.person_id <> 0
    and a.acted_date >= coalesce(member.from_date, a.acted_date)
    and a.acted_date < coalesce(member.to_date, a.acted_date + 1)
where a.is_act and thread.departed_at is null
