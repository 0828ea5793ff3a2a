-- Grain: one row. How many issues, open and closed, the pages of a full walk hold, each once. Not what is known: a record
-- received before would hide that the lists lack a newer one. One that cannot be read was met all the same.
select count(distinct record.issue_id) + count(*) filter (where record.issue_id is null) as issue_count
from bronze_issue_page as page
join bronze_issues as record
    on page.records_run_id = record.run_id and page.records_page_number = record.page_number
where
    not record.is_pull_request
    and (record.issue_id is not null or not coalesce(try(json_exists(record.payload_json, '$.pull_request')), false))
