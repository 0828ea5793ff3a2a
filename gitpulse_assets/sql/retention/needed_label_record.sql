-- Grain: one record of old_issues by which a label was noticed to be off or on though no event told it (the first that
-- showed so, and the last one before it), or which showed a label last.
with moment as (
    select issue_id, to_at as noticed_at from label_span where is_to_inferred
    union
    select issue_id, from_at from label_span where is_from_inferred
),

placed as (
    select old.*, moment.noticed_at, old.fetched_at < moment.noticed_at as is_before
    from old_issues as old
    join moment using (issue_id)
    -- What cannot be used showed nothing; it stays for a reason of its own.
    anti join (select * from quarantine where stream = 'issues') using (run_id, page_number, record_number)
)

select run_id, page_number, record_number
from placed
qualify row_number() over (
    partition by issue_id, noticed_at, is_before
    order by if(is_before, noticed_at - fetched_at, fetched_at - noticed_at), run_id, page_number, record_number
) = 1
union
select old.run_id, old.page_number, old.record_number
from old_issues as old
join label_shown as shown on old.issue_id = shown.issue_id and old.fetched_at = shown.shown_at
