-- Grain: one page of a full walk that held fewer records than it was asked for, though more followed: some may be
-- missing. A walk cut short leaves its last page with its own address as the next, and asks for it again.
with held as (
    select run_id, page_number, count(*) as record_count
    from bronze_issues
    group by run_id, page_number
)

select page.url
from bronze_issue_page as page
join held on page.records_run_id = held.run_id and page.records_page_number = held.page_number
where
    page.next_url <> page.url
    and held.record_count < try_cast(regexp_extract(page.url, '[?&]per_page=(\d+)', 1) as bigint)
