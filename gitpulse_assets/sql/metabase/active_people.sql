-- Grain: one row a UTC month that the window touches: who acted, and who of them for the first time.
with {{snippet: window}}

select months.month, months.active_count as active, months.new_count as new
from gold_mart_contributor_monthly as months
cross join bounds
where
    repo_owner || '/' || repo_name = lower({{repository}})
    and months.month between date_trunc('month', start_date)::date and end_date
order by months.month
