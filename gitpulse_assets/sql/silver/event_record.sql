-- Grain: one lifecycle event of an issue as received; `rule` names what makes it unusable.
-- Events of pull requests and events that never move the backlog (labelled, locked, ...) are left out. GraphQL
-- writes a bot's login without the [bot] that REST and the issue lists write; it is put back here.
with node as (
    select
        rowid as record_rowid, issue_id, issue_number, source,
        unnest(p.timelineItems.nodes) as node,
        generate_subscripts(p.timelineItems.nodes, 1) as position
    from timeline_record
    where is_readable and source = 'graphql'
),

listed as (
    select
        record_rowid, issue_id, issue_number, source,
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
        rowid, issue_id, issue_number, source,
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
)

select
    record.repo_owner,
    record.repo_name,
    record.run_sequence,
    record.page_number,
    record.record_number,
    record.fetched_at,
    dated.*,
    case
        when dated.issue_id is null then 'no_id'
        when event_id is null or happened_at is null then 'bad_event'
    end as rule
from dated
join timeline_record as record on dated.record_rowid = record.rowid
