-- Grain: one issue (never a pull request) known and present before that the complete walk of $walk_run_ids did not
-- meet. Gaps in the numbers say nothing: most are discussions and pull requests.
select issue_id, issue_node_id, issue_number
from stored_issue_current
anti join (select issue_id from bronze_issues where list_contains($walk_run_ids, run_id)) as met using (issue_id)
where departed_at is null and not is_pull_request
order by issue_number
