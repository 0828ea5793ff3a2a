-- Grain: one row a UTC weekday, Monday first: issues opened on it in the window.
with {{snippet: window}}

select
    ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'][isodow(flow_date)] as weekday,
    sum(opened_count)::bigint as opened
from days
group by isodow(flow_date), weekday
order by isodow(flow_date)
