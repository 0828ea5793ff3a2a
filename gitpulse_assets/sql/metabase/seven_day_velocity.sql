-- Grain: one row a UTC day: change of the backlog in the 7 days up to it, by all eight flows.
with {{snippet: window}}

select flow_date, rolling_7d_net_change as net_change_in_7_days
from days
order by flow_date
