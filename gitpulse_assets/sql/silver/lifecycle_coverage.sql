-- Grain: one issue whose lifecycle was collected. Key: repo_owner, repo_name, issue_id.
-- How far it is known: the issue's own updated_at at the time, which every later event moves. REST issue events are
-- of all issues at once and tell no updated_at, so they are known as of when they were fetched.
-- The latest collection counts: a timeline that came whole after one that was cut short is whole.
with collected as (
    select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, fetched_at
    from stored_lifecycle_coverage
    union all
    select repo_owner, repo_name, issue_id, coalesce(issue_updated_at, fetched_at), is_complete, fetched_at
    from timeline_record
    where is_readable and issue_id is not null
)

select repo_owner, repo_name, issue_id, lifecycle_updated_at, is_complete, fetched_at
from collected
qualify row_number() over (partition by issue_id order by fetched_at desc, lifecycle_updated_at desc, is_complete) = 1
