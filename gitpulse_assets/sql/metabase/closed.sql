-- Grain: one row: closings in the window.
with {{snippet: window}}

select coalesce(sum(closed_count), 0)::bigint as closed
from days
