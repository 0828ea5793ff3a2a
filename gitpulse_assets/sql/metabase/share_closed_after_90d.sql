-- Grain: one row: share (0 to 1) of the issues last closed in the window that took more than 90 days.
with {{snippet: window}}

select avg((closure_age_days > 90)::integer) as share
from closed
