-- Grain: one lifecycle event of an issue as received; `rule` names what makes it unusable.
-- Events of pull requests and events that never move the backlog (labelled, locked, ...) are left out. GraphQL
-- writes a bot's login without the [bot] that REST and the issue lists write; it is put back here.
-- A timeline that came with a departure tells what happened before the issue left. Its later events belong
-- elsewhere, and as GitHub gives events new ids at a new place, those of a kind and second known here are left out.
with record as (
    select
        rowid as record_rowid, repo_owner, repo_name, run_sequence, page_number, record_number, fetched_at,
        issue_id, issue_number, null::timestamptz as departed_at,
        if(source = 'graphql', p.timelineItems.nodes, null) as nodes
    from timeline_record
    where is_readable and not is_pull_request
    union all
    select
        -1 - rowid, repo_owner, repo_name, run_sequence, 0, 0, fetched_at,
        issue_id, issue_number, departed_at,
        p.timelineItems.nodes
    from departure_record
),

node as (
    select
        record_rowid, issue_id, issue_number, departed_at,
        unnest(nodes) as node,
        generate_subscripts(nodes, 1) as position
    from record
),

listed as (
    select
        record_rowid, issue_id, issue_number, departed_at, 'graphql' as source,
        node.id as event_id,
        case node.__typename
            when 'ClosedEvent' then 'closed'
            when 'ReopenedEvent' then 'reopened'
            when 'TransferredEvent' then 'transferred'
            when 'ConvertedToDiscussionEvent' then 'converted_to_discussion'
        end as kind,
        node.createdAt as happened_text,
        position,
        node.actor.login || if(
            node.actor.__typename = 'Bot' and not ends_with(node.actor.login, '[bot]'), '[bot]', ''
        ) as actor_login,
        node.actor.databaseId as actor_id,
        node.actor.__typename as actor_type,
        lower(node.stateReason) as state_reason,
        node.fromRepository.nameWithOwner as from_repository
    from node
    union all
    select
        rowid, issue_id, issue_number, null, source,
        coalesce(p.node_id, p.id ->> '$'),
        case
            when p.event in ('closed', 'reopened', 'transferred', 'converted_to_discussion') then p.event
        end,
        p.created_at,
        coalesce(try_cast(p.id as bigint), 0),
        p.actor.login,
        p.actor.id,
        p.actor.type,
        lower(p.state_reason),
        null
    from timeline_record
    where is_readable and source = 'rest_events' and p.issue.pull_request is null
),

-- REST events of one issue name only its number, if that.
number_of_issue as (
    select issue_number, min(issue_id) as issue_id
    from (
        select issue_number, issue_id from stored_issue_current
        union all
        select issue_number, issue_id from issue_record where rule is null
    ) as known
    where issue_number in (select issue_number from listed where issue_id is null)
    group by issue_number
),

dated as (
    select
        listed.* exclude (issue_id, happened_text),
        coalesce(listed.issue_id, number_of_issue.issue_id) as issue_id,
        case when happened_text like '____-__-__T%' then try_cast(happened_text as timestamptz) end as happened_at
    from listed
    left join number_of_issue using (issue_number)
    where kind is not null
),

-- Up to the event that took the issue away: of the same second only what stands before it.
before_departure as (
    select *
    from dated
    where departed_at is not null
    qualify (happened_at, position) < min((happened_at, position)) filter (
        where kind in ('transferred', 'converted_to_discussion') and happened_at = departed_at
    ) over (partition by record_rowid)
),

told_here as (
    select issue_id, kind, happened_at from stored_issue_event
    union all
    select issue_id, kind, happened_at from dated where departed_at is null
),

told as (
    select * from dated where departed_at is null
    union all
    select * from before_departure
    anti join told_here using (issue_id, kind, happened_at)
)

select
    record.repo_owner,
    record.repo_name,
    record.run_sequence,
    record.page_number,
    record.record_number,
    record.fetched_at,
    told.* exclude (departed_at),
    case
        when told.issue_id is null then 'no_id'
        when event_id is null or happened_at is null then 'bad_event'
    end as rule
from told
join record using (record_rowid)
