-- Grain: one answer of old_repository that a rebuild needs: the newest of each name the repository ever had, and what
-- cannot be read.
with answer as (
    select run_id, fetched_at, repository_id, try(payload_json ->> '$.full_name') as full_name
    from old_repository
)

select run_id, fetched_at
from answer
where repository_id is null or full_name is null
union
select arg_max(run_id, fetched_at) as run_id, max(fetched_at) as fetched_at
from answer
group by full_name
