-- Proves that every open issue is in exactly one age band. Broken rows: the repositories where the bands do not
-- add up to the open issues of the lifecycle.
with banded as (
    select repo_owner, repo_name, sum(open_issue_count) as banded_count, count(*) as band_count
    from mart_backlog_by_age
    group by repo_owner, repo_name
),

backlog as (
    select repo_owner, repo_name, count(*) filter (where is_open) as open_issue_count
    from mart_issue_lifecycle
    group by repo_owner, repo_name
)

select repo_owner, repo_name, banded_count, band_count, open_issue_count
from banded
full join backlog using (repo_owner, repo_name)
where coalesce(banded_count, 0) <> coalesce(open_issue_count, 0) or band_count is distinct from 5
