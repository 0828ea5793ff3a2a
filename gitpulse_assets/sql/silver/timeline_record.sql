-- Grain: one received record of bronze_issue_timeline, parsed once: an issue's GraphQL node with its timelineItems,
-- or one REST issue event. `is_readable` is false for what is neither; `is_unserved` where GitHub served no timeline.
with received as (
    select
        lower(b.repo_owner) as repo_owner,
        lower(b.repo_name) as repo_name,
        b.run_id,
        o.run_sequence,
        b.page_number,
        b.record_number,
        b.fetched_at,
        b.issue_id as told_issue_id,
        b.issue_number as told_issue_number,
        b.source,
        b.is_complete,
        b.left_out,
        b.payload_json,
        try(json_transform(b.payload_json, '{
            "__typename": "VARCHAR", "databaseId": "BIGINT", "number": "BIGINT", "updatedAt": "VARCHAR", "timelineItems": {"nodes": [{
                "__typename": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "stateReason": "VARCHAR",
                "actor": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
                "fromRepository": {"nameWithOwner": "VARCHAR"}
            }]},
            "id": "JSON", "node_id": "VARCHAR", "event": "VARCHAR", "created_at": "VARCHAR",
            "state_reason": "VARCHAR", "commit_id": "VARCHAR", "actor": {"id": "BIGINT", "login": "VARCHAR", "type": "VARCHAR"},
            "issue": {"id": "BIGINT", "number": "BIGINT", "pull_request": "JSON"}
        }')) as p
    from bronze_issue_timeline as b
    join run_order as o using (run_id)
)

select
    *,
    try_cast(p.updatedAt as timestamptz) as issue_updated_at,
    coalesce(told_issue_id, p.databaseId, p.issue.id) as issue_id,
    coalesce(told_issue_number, p.number, p.issue.number) as issue_number,
    coalesce(
        starts_with(ltrim(payload_json), '{')
        and if(source = 'graphql', p.timelineItems.nodes is not null, p.event is not null),
        false
    ) as is_readable,
    source = 'graphql' and not is_complete and not is_readable as is_unserved,
    -- Whose conversation has events of the same kinds, but no part in the backlog.
    coalesce(p.__typename = 'PullRequest', false) as is_pull_request
from received
