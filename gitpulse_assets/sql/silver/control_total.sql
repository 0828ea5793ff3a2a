-- Grain: one run whose walk was held against GitHub's own count. Key: repo_owner, repo_name, run_id.
-- A run that walked twice (the second time the whole list) counts as it ended.
with counted as (
    select
        repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
        our_count
    from stored_control_total
    union all
    select
        repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
        our_count
    from bronze_control_total
)

select
    repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
    our_count
from counted
qualify row_number() over (partition by run_id order by fetched_at desc) = 1
