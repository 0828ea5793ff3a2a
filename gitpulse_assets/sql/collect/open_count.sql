-- Grain: one row. How many issues, and how many issues and pull requests, are open by what is stored and not merged
-- yet, and how many of both are closed; of these the pull requests. Only for deciding whether GitHub's own count calls for a full walk, and whether
-- there must be events; what is published is counted in silver.
with record as (
    select issue_id, updated_at, fetched_at, state, is_pull_request
    from stored_issue_current
    where departed_at is null
    union all
    select
        issue_id,
        issue_updated_at,
        fetched_at,
        issue_state,
        is_pull_request
    from bronze_issues
    where issue_id is not null and issue_updated_at is not null
),

newest as (
    select *
    from record
    anti join bronze_departure
        on bronze_departure.issue_id = record.issue_id and bronze_departure.fetched_at >= record.fetched_at
    qualify row_number() over (partition by issue_id order by updated_at desc, fetched_at desc) = 1
)

select
    count(*) filter (where state = 'open' and not is_pull_request) as open_issue_count,
    count(*) filter (where state = 'open') as open_issue_and_pull_request_count,
    count(*) filter (where state = 'closed') as closed_issue_and_pull_request_count,
    count(*) filter (where state = 'open' and is_pull_request) as open_pull_request_count,
    count(*) filter (where state = 'closed' and is_pull_request) as closed_pull_request_count
from newest
