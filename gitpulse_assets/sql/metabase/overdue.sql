-- Grain: one row: how many issues and pull requests wait longer than the watch list promises.
select count(*) filter (is_overdue) as overdue
from gold_mart_follow_up
where repo_owner || '/' || repo_name = lower({{repository}})
