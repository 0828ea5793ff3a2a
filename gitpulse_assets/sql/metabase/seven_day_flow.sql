-- Grain: one row a UTC day: openings and closings of the 7 days up to it.
with {{snippet: window}}

select flow_date, rolling_7d_opened as opened_in_7_days, rolling_7d_closed as closed_in_7_days
from days
order by flow_date
