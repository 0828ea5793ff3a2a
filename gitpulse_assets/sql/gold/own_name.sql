-- Grain: one name (owner/name in lower case) the repository is or was known by. Key: own_name.
select lower(repository_full_name) as own_name from repository
union
select repo_owner || '/' || repo_name from repository
union
select lower(unnest(former_names)) from repository
