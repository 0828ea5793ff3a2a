-- Grain: one record of run_issues that must stay, as received. A thinning that was cut short leaves some of them
-- twice, once in the first batch and once where they came from.
select
    run_id, repo_owner, repo_name, page_number, record_number, fetched_at, issue_id, issue_updated_at, payload_json
from run_issues
semi join needed_record using (run_id, page_number, record_number)
qualify row_number() over (partition by page_number, record_number) = 1
order by page_number, record_number
