-- Grain: one row a UTC weekday, Monday first: issues closed on it in the window.
with {{snippet: window}}

select
    ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'][isodow(flow_date)] as weekday,
    sum(closed_count)::bigint as closed
from days
group by isodow(flow_date), weekday
order by isodow(flow_date)
