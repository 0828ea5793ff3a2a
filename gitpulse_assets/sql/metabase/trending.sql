-- Grain: one open issue or pull request that people other than maintainers spoke of in the last 7 days; at most ten each.
select issue_number as number, false as is_pull_request, title, comment_count as words, people_count as people
from gold_mart_trending_issue
where repo_owner || '/' || repo_name = lower({{repository}})
union all
select pull_request_number, true, title, word_count, people_count
from gold_mart_trending_pull_request
where repo_owner || '/' || repo_name = lower({{repository}})
order by words desc, number
