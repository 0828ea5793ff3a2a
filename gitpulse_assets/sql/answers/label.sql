-- Grain: one row per label that an issue open at the window's end has now, or that moved the backlog in the window.
-- Key: label_name. How labels are counted: gold/label_window.sql, over this one window.
select label_name, open_issue_count, share_of_open, opened_count, closed_count, net_change
from label_window
where open_issue_count > 0 or move_count > 0
order by open_issue_count desc, abs(net_change) desc, label_name
