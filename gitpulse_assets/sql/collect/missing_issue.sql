-- Grain: one issue or open pull request known and present before that a complete full walk did not meet: it is on none
-- of the walk's pages. The records of a page that GitHub called unchanged are those an earlier walk received.
-- Without a token GitHub counts open pull requests with the issues, so one that is gone must not stay among ours;
-- closed ones count nowhere. Gaps in the numbers say nothing: most are discussions and pull requests.
with met as (
    select record.issue_id
    from bronze_issue_page as page
    join bronze_issues as record
        on page.records_run_id = record.run_id and page.records_page_number = record.page_number
)

select issue_id, issue_node_id, issue_number
from stored_issue_current
anti join met using (issue_id)
where departed_at is null and (not is_pull_request or state = 'open')
order by issue_number
