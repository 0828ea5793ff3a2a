-- Grain: one lifecycle event of an issue as received, or one received timeline that cannot be used (`rule` says
-- why). Two sources: an issue's GraphQL node with its timelineItems, and single REST issue events.
-- Events of pull requests and events that never move the backlog (labelled, locked, ...) are left out. GraphQL
-- writes a bot's login without the [bot] that REST and the issue lists write; it is put back here.
with received as (
    select
        lower(b.repo_owner) as repo_owner,
        lower(b.repo_name) as repo_name,
        b.run_id,
        o.run_sequence,
        b.page_number,
        b.record_number,
        b.fetched_at,
        b.issue_id,
        b.issue_number,
        b.source,
        b.payload_json,
        try(json_transform(b.payload_json, '{
            "databaseId": "BIGINT", "number": "BIGINT", "timelineItems": {"nodes": [{
                "__typename": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "stateReason": "VARCHAR",
                "actor": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
                "fromRepository": {"nameWithOwner": "VARCHAR"}
            }]},
            "id": "JSON", "node_id": "VARCHAR", "event": "VARCHAR", "created_at": "VARCHAR",
            "state_reason": "VARCHAR", "actor": {"id": "BIGINT", "login": "VARCHAR", "type": "VARCHAR"},
            "issue": {"id": "BIGINT", "number": "BIGINT", "pull_request": "JSON"}
        }')) as p
    from bronze_issue_timeline as b
    join run_order as o using (run_id)
),

timeline as (
    select
        * exclude (p),
        p,
        case source
            when 'graphql' then coalesce(p.timelineItems.nodes, [])
        end as nodes
    from received
),

event as (
    select
        * exclude (p, nodes, issue_id, issue_number),
        coalesce(issue_id, p.databaseId) as issue_id,
        coalesce(issue_number, p.number) as issue_number,
        unnest(nodes) as node,
        generate_subscripts(nodes, 1) as position
    from timeline
    where source = 'graphql' and len(nodes) > 0
),

listed as (
    select
        repo_owner, repo_name, run_id, run_sequence, page_number, record_number, fetched_at, issue_id, issue_number,
        source, payload_json,
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
    from event
    union all
    select
        repo_owner, repo_name, run_id, run_sequence, page_number, record_number, fetched_at,
        coalesce(issue_id, p.issue.id), coalesce(issue_number, p.issue.number),
        source, payload_json,
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
    from timeline
    where source = 'rest_events' and p.event is not null and p.issue.pull_request is null
    union all
    -- A payload that is no timeline at all stands for itself, to be quarantined.
    select
        repo_owner, repo_name, run_id, run_sequence, page_number, record_number, fetched_at, issue_id, issue_number,
        source, payload_json,
        null, 'unreadable', null, 0, null, null, null, null, null
    from timeline
    where
        not starts_with(ltrim(payload_json), '{')
        or p is null
        or (source = 'graphql' and p.timelineItems is null)
        or (source = 'rest_events' and p.event is null)
),

numbered as (
    select
        listed.* exclude (issue_id),
        coalesce(listed.issue_id, stored.issue_id, record.issue_id) as issue_id,
        case when happened_text like '____-__-__T%' then try_cast(happened_text as timestamptz) end as happened_at
    from listed
    left join (select distinct issue_id, issue_number from stored_issue_current) as stored
        on listed.issue_id is null and listed.issue_number = stored.issue_number
    left join (select distinct issue_id, issue_number from issue_record where rule is null) as record
        on listed.issue_id is null and stored.issue_id is null and listed.issue_number = record.issue_number
    where kind is not null
)

select
    *,
    case
        when kind = 'unreadable' then 'not_a_timeline'
        when issue_id is null then 'no_id'
        when event_id is null or happened_at is null then 'bad_event'
    end as rule
from numbered
