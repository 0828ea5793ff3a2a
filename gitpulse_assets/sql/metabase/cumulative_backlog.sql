-- Grain: one row a UTC day: issues open at its end.
with {{snippet: window}}

select flow_date, open_at_end as open_issues
from days
order by flow_date
