-- Grain: one row where a record is among those that a full walk met so far, none else. It met what stands on its
-- pages, of which those that GitHub called unchanged hold the records an earlier walk received.
select true as is_met
from bronze_issues as record
join bronze_issue_page as page
    on page.records_run_id = record.run_id and page.records_page_number = record.page_number
where record.issue_id = $issue_id
limit 1
