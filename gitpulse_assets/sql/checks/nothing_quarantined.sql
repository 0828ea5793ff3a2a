-- Reports the received records that could not be used and that no later good one replaced. The rest of the
-- repository goes on without them; a known issue keeps its older row. Broken rows: the records, by where they lie.
select stream, run_id, page_number, record_number, issue_id, rule, detail
from quarantine
