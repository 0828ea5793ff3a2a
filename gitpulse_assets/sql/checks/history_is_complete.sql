-- Reports what the history does not know, as the verdict says it: issues whose lifecycle was not collected or not
-- whole, records in quarantine, departures nobody could explain. Broken rows: one a kind.
select issue_count, slice
from incomplete_slice
