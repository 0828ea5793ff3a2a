-- Grain: that of closing_issue. The whole window's closings on its last day, so that the monthly mart's own
-- statement counts the window as one month: its exact quantiles and shares by the same rule.
select * replace (if(is_closed, $end_date::date, closed_date) as closed_date)
from closing_issue
