-- Grain: one row: issues opened in the window.
with {{snippet: window}}

select coalesce(sum(opened_count), 0)::bigint as opened
from days
