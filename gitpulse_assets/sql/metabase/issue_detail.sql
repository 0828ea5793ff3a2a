-- Grain: one row an issue created or last closed in the window, the newest first; at most 2,000.
with {{snippet: window}}

select
    issue_number,
    title,
    if(departed_at is null, state, 'departed') as state,
    label_group,
    array_to_string(label_names, ', ') as labels,
    author_login,
    comment_count,
    created_at,
    closed_at,
    closure_age_days,
    html_url
from gold_mart_issue_lifecycle as issue
cross join bounds
where
    repo_owner || '/' || repo_name = lower({{repository}})
    and (created_date between start_date and end_date or closed_date between start_date and end_date)
order by created_at desc, issue_number desc
limit 2000
