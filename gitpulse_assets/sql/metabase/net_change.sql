-- Grain: one row: change of the open backlog in the window, by all eight flows.
with {{snippet: window}}

select coalesce(sum(net_change), 0)::bigint as net_change
from days
