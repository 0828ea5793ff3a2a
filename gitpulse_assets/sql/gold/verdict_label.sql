-- Grain: one row per window and label that changed the backlog, of label_window. Key: window_days, label_name.
select window_days, label_name, net_change
from label_window
where net_change <> 0 and label_name <> '(no label)'
order by window_days, abs(net_change) desc, label_name
