-- Grain: one walk whose ends were held against GitHub's own count. Key: repo_owner, repo_name, run_id.
select repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet
from stored_control_total
union all
select repo_owner, repo_name, run_id, fetched_at, has_pull_requests, open_count_before, open_count_after, is_quiet
from bronze_control_total
qualify row_number() over (partition by run_id order by fetched_at desc) = 1
