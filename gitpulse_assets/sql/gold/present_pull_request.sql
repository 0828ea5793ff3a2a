-- Grain: one pull request that is here. Relation, not published: its ends as they took effect.
-- Nothing takes effect before the creation, whatever clock said so: GitHub dates a closing before it now and then.
select * replace (
    if(merged_at < created_at, created_at, merged_at) as merged_at,
    if(closed_at < created_at, created_at, closed_at) as closed_at,
    greatest(updated_at, created_at) as updated_at
)
from pull_request_current
where departed_at is null
