-- Grain: one received departure of a known day, with the issue's timeline as it was told at its new place.
select
    lower(b.repo_owner) as repo_owner,
    lower(b.repo_name) as repo_name,
    o.run_sequence,
    b.fetched_at,
    b.issue_id,
    b.issue_number,
    b.departed_at,
    try(json_transform(b.payload_json, '{"timelineItems": {"pageInfo": {"hasNextPage": "BOOLEAN"}, "nodes": [{
        "__typename": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "stateReason": "VARCHAR",
        "actor": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
        "fromRepository": {"nameWithOwner": "VARCHAR"}
    }]}}')) as p
from bronze_departure as b
join run_order as o using (run_id)
where b.departed_at is not null
