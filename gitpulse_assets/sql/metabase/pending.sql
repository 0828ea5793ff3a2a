-- Grain: one row: how many carry a waiting label and were answered to it.
select count(*) as pending
from gold_mart_pending_response
where repo_owner || '/' || repo_name = lower({{repository}})
