-- Grain: one event, comment or submitted review. Key: repo_owner, repo_name, event_id. Here: of the touched threads.
-- What the newest whole answer about a thread lacks is gone (a deleted comment, most often); an answer that was cut
-- short, or asked for what is newer alone, only adds. The association and the moment of receipt are those of the first
-- answer that had the entry, all else of the newest: reviews are dismissed, texts edited, logins renamed.
-- A label's numeric id lies in its GraphQL id: `LA_` and the MessagePack of 0, the repository's id and the label's, each
-- in as few bytes as it needs (rails/rails, 8514, in two), or of old ones the Base64 of `05:Label<id>`. A label with
-- neither is told by its name, as in issue_labels.
with whole as (
    select issue_id, max((fetched_at, run_sequence, page_number, record_number)) as place
    from conversation_record
    where is_complete and not is_unserved and not is_newer_part
    group by issue_id
),

node as (
    select
        r.repo_owner, r.repo_name, r.issue_id, r.thread_number, r.is_pull_request, r.fetched_at,
        (r.fetched_at, r.run_sequence, r.page_number, r.record_number) as place,
        unnest(r.p.timelineItems.nodes) as node,
        generate_subscripts(r.p.timelineItems.nodes, 1) as position
    from conversation_record as r
    where not r.is_unserved
),

acted as (
    select
        *,
        coalesce(node.author, node.actor) as actor,
        if(
            node.assignee is not null,
            {
                login: node.assignee.login, databaseId: node.assignee.databaseId,
                __typename: node.assignee.__typename, slug: null::varchar
            },
            {
                login: node.requestedReviewer.login, databaseId: node.requestedReviewer.databaseId,
                __typename: node.requestedReviewer.__typename, slug: node.requestedReviewer.slug
            }
        ) as subject
    from node
),

typed as (
    select
        * exclude (actor, subject),
        node.__typename in ('IssueComment', 'PullRequestReview') as is_word,
        case node.__typename
            when 'IssueComment' then 'commented'
            when 'PullRequestReview' then 'reviewed'
            when 'RenamedTitleEvent' then 'renamed'
            else lower(regexp_replace(regexp_replace(node.__typename, 'Event$', ''), '([a-z])([A-Z])', '\1_\2', 'g'))
        end as event_type,
        if(node.__typename = 'PullRequestReview', node.submittedAt, node.createdAt) as occurred_text,
        -- A forgotten person is the account that stands for deleted ones.
        if(actor.databaseId = 10137, null, actor) as actor,
        if(subject.databaseId = 10137, null, subject) as subject,
        if(starts_with(node.label.id, 'LA_'), regexp_extract(
            hex(try(from_base64(rpad(
                translate(substr(node.label.id, 4), '-_', '+/'), (length(node.label.id) // 4 * 4)::integer, '='
            )))),
            '^9300(?:[0-7].|CC..|CD.{4}|CE.{8}|CF.{16})([0-7].|CC..|CD.{4}|CE.{8}|CF.{16})$',
            1
        ), null) as label_packed
    from acted
),

told as (
    select
        repo_owner, repo_name, issue_id, thread_number, is_pull_request, fetched_at, place, position,
        node.id as event_id,
        event_type,
        case when occurred_text like '____-__-__T%' then try_cast(occurred_text as timestamptz) end as occurred_at,
        {
            login: actor.login || if(
                actor.__typename = 'Bot' and not ends_with(actor.login, '[bot]'), '[bot]', ''
            ),
            id: actor.databaseId,
            type: actor.__typename
        } as actor,
        if(is_word, node.authorAssociation, null) as actor_association,
        if(node.label.name is not null, coalesce(
            try_cast(regexp_extract(try(from_base64(node.label.id))::varchar, ':Label(\d+)$', 1) as bigint),
            try_cast('0x' || regexp_replace(label_packed, '^C[C-F]', '') as bigint),
            -1 - ('0x' || left(md5(lower(node.label.name)), 15))::bigint
        ), null) as label_id,
        node.label.name as label_name,
        {
            login: subject.login || if(
                subject.__typename = 'Bot' and not ends_with(subject.login, '[bot]'), '[bot]', ''
            ),
            id: subject.databaseId,
            type: nullif(subject.__typename, 'Team')
        } as subject,
        subject.slug as subject_team,
        try_cast(case event_type
            when 'reviewed' then node.fullDatabaseId
            when 'review_dismissed' then node.review.fullDatabaseId
        end as bigint) as review_id,
        case event_type
            when 'reviewed' then node.state
            when 'review_dismissed' then node.previousReviewState
        end as review_state,
        if(event_type = 'commented', try_cast(node.fullDatabaseId as bigint), null) as comment_id,
        try_cast(node.lastEditedAt as timestamptz) as edited_at,
        node.closer.__typename as closer_type,
        lower(node.stateReason) as state_reason,
        node.fromRepository.nameWithOwner as from_repository,
        node.previousTitle as title_before,
        node.currentTitle as title_after
    from typed
),

-- A review that is not submitted yet is no event.
usable as (
    select * from told where event_id is not null and occurred_at is not null
),

received as (
    select *, fetched_at as last_fetched_at from usable
    union all
    select
        repo_owner, repo_name, issue_id, thread_number, is_pull_request, fetched_at,
        (timestamptz '1970-01-01', -1::bigint, 0::integer, 0::integer),
        position, event_id, event_type, occurred_at,
        {login: actor_login, id: actor_id, type: actor_type}, actor_association, label_id, label_name,
        {login: subject_login, id: subject_id, type: subject_type}, subject_team, review_id, review_state, comment_id,
        edited_at, closer_type, state_reason, from_repository, title_before, title_after,
        last_fetched_at
    from stored_conversation_event
    semi join touched_conversation using (issue_id)
),

first_told as (
    select event_id, arg_min(actor_association, place) as actor_association, arg_min(fetched_at, place) as fetched_at
    from received
    group by event_id
),

newest as (
    select received.*
    from received
    left join whole using (issue_id)
    where whole.place is null or received.place >= whole.place
    qualify row_number() over (partition by event_id order by received.place desc, position) = 1
)

select
    newest.repo_owner,
    newest.repo_name,
    newest.event_id,
    newest.issue_id,
    newest.thread_number,
    newest.is_pull_request,
    newest.event_type,
    newest.occurred_at,
    newest.position::bigint as position,
    newest.actor.login as actor_login,
    newest.actor.id as actor_id,
    newest.actor.type as actor_type,
    first_told.actor_association,
    newest.occurred_at < thread.first_sync_at as is_inferred,
    newest.label_id,
    newest.label_name,
    newest.subject.login as subject_login,
    newest.subject.id as subject_id,
    newest.subject.type as subject_type,
    newest.subject_team,
    newest.review_id,
    newest.review_state,
    newest.comment_id,
    newest.edited_at,
    newest.closer_type,
    newest.state_reason,
    newest.from_repository,
    newest.title_before,
    newest.title_after,
    first_told.fetched_at,
    newest.last_fetched_at
from newest
join first_told using (event_id)
join conversation_thread as thread using (issue_id)
