-- Grain: one row: the window of every card, in UTC days.
with {{snippet: window}}

select start_date, end_date, (select count(*) from days) as observed_days
from bounds
