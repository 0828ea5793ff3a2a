-- Grain: one row: the repository, as GitHub spells it.
select repository_full_name as repository
from silver_github_repository
where repo_owner || '/' || repo_name = lower({{repository}})
