-- Grain: one received conversation: an issue or pull request by GraphQL, with all it told of itself, parsed once. Of
-- what is a lifecycle alone there is none. `rule` is null for all: what cannot be read is judged with the lifecycles.
-- Where GitHub served nothing of a thread (`is_unserved`), it is known as far as it was asked for. An answer that was
-- asked for what is newer than most of what is held (`is_newer_part`, known by the count of comments that is asked with
-- it) adds to the whole one before it.
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
        b.issue_number as thread_number,
        b.is_complete,
        b.left_out,
        try(json_transform(b.payload_json, '{
            "__typename": "VARCHAR", "id": "VARCHAR", "fullDatabaseId": "VARCHAR", "createdAt": "VARCHAR",
            "updatedAt": "VARCHAR", "mergedAt": "VARCHAR", "authorAssociation": "VARCHAR", "errors": "JSON",
            "author": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
            "mergedBy": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
            "headRefName": "VARCHAR", "baseRefName": "VARCHAR", "additions": "BIGINT", "deletions": "BIGINT",
            "changedFiles": "BIGINT", "comments": {"totalCount": "BIGINT"},
            "commits": {"totalCount": "BIGINT"},
            "timelineItems": {"nodes": [{
                "__typename": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "submittedAt": "VARCHAR",
                "lastEditedAt": "VARCHAR", "state": "VARCHAR", "stateReason": "VARCHAR",
                "fullDatabaseId": "VARCHAR", "authorAssociation": "VARCHAR",
                "actor": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
                "author": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
                "label": {"id": "VARCHAR", "name": "VARCHAR"},
                "assignee": {"__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT"},
                "requestedReviewer": {
                    "__typename": "VARCHAR", "login": "VARCHAR", "databaseId": "BIGINT", "slug": "VARCHAR"
                },
                "previousReviewState": "VARCHAR", "review": {"fullDatabaseId": "VARCHAR"},
                "closer": {"__typename": "VARCHAR"}, "fromRepository": {"nameWithOwner": "VARCHAR"},
                "previousTitle": "VARCHAR", "currentTitle": "VARCHAR"
            }]}
        }')) as p
    from bronze_issue_timeline as b
    join run_order as o using (run_id)
    where b.source = 'graphql' and b.issue_id is not null
)

select
    *,
    null::varchar as rule,
    p.__typename = 'PullRequest' as is_pull_request,
    p.timelineItems.nodes is null as is_unserved,
    p.comments is not null as is_newer_part,
    coalesce(try_cast(p.updatedAt as timestamptz), fetched_at) as thread_updated_at
from received
where
    p.__typename in ('Issue', 'PullRequest')
    and thread_number is not null
    and (p.authorAssociation is not null and p.timelineItems.nodes is not null or p.errors is not null)
