-- Grain: one row: share (0 to 1) of the issues last closed in the window that were closed within 7 days.
with {{snippet: window}}

select avg((closure_age_days <= 7)::integer) as share
from closed
