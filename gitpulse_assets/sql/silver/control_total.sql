-- Grain: one run whose walk was held against GitHub's own count. Key: repo_owner, repo_name, run_id.
-- A run that walked twice (the second time the whole list) counts as it ended.
-- Of counts more than a week older than the newest one a UTC day stays, its last, and of each way to count the last one
-- at rest, which tells whether a difference is new. What goes once would go again, so that a rebuild gives the same.
with counted as (
    select
        repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
        our_count, is_whole_walk, is_known_difference, repository_difference, issue_count_after, lacked_count,
        missing_count, is_known_missing, open_pull_request_count, merged_pull_request_count,
        closed_pull_request_count, our_open_pull_request_count, our_closed_pull_request_count,
        is_known_pull_request_difference
    from stored_control_total
    union all
    select
        repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
        our_count, is_whole_walk, is_known_difference, repository_difference, issue_count_after, lacked_count,
        missing_count, is_known_missing, open_pull_request_count, merged_pull_request_count,
        closed_pull_request_count, our_open_pull_request_count, our_closed_pull_request_count,
        is_known_pull_request_difference
    from bronze_control_total
),

ended as (
    select *, is_quiet and open_count_before = open_count_after as is_at_rest
    from counted
    qualify row_number() over (partition by run_id order by fetched_at desc) = 1
)

select
    repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet,
    our_count, is_whole_walk, is_known_difference, repository_difference, issue_count_after, lacked_count,
    missing_count, is_known_missing, open_pull_request_count, merged_pull_request_count,
    closed_pull_request_count, our_open_pull_request_count, our_closed_pull_request_count,
    is_known_pull_request_difference
from ended
qualify
    fetched_at > max(fetched_at) over () - interval 7 day
    or row_number() over (partition by fetched_at::date order by fetched_at desc, run_id) = 1
    or (
        is_at_rest
        and row_number() over (partition by has_pull_requests, is_at_rest order by fetched_at desc, run_id) = 1
    )
