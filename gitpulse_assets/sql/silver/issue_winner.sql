-- Grain: one issue whose stored row is replaced, and the row of issue_record that replaces it.
-- The last write wins: the greatest updated_at, then the latest fetch, then the later run, page and record. The
-- stored row is beaten at equal updated_at too, if it was not fetched later: two fetches of one second are
-- told apart by the order of their runs.
with newest as (
    select issue_id, updated_at, fetched_at, run_sequence, rowid as record_rowid
    from issue_record
    where rule is null
    qualify row_number() over (
        partition by issue_id
        order by updated_at desc, fetched_at desc, run_sequence desc, page_number desc, record_number desc
    ) = 1
)

select newest.issue_id, newest.record_rowid
from newest
left join stored_issue_current as stored using (issue_id)
left join run_order as stored_run on stored.run_id = stored_run.run_id
where
    stored.issue_id is null
    or (newest.updated_at, newest.fetched_at, newest.run_sequence)
    >= (stored.updated_at, stored.fetched_at, coalesce(stored_run.run_sequence, -1))
