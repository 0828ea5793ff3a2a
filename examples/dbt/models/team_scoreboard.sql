-- One row a repository: the verdict of 90 days beside how long its queue is.
select
    repo_owner,
    repo_name,
    verdict.direction,
    verdict.net_change,
    verdict.pace_per_week,
    verdict.pace_low_per_week,
    verdict.pace_high_per_week,
    coalesce(queue.unassigned_open_count, 0) as unassigned_open_count,
    verdict.paragraph
from {{ source('gold', 'mart_backlog_verdict') }} as verdict
left join (
    select repo_owner, repo_name, count(*) as unassigned_open_count from {{ ref('triage_queue') }} group by all
) as queue using (repo_owner, repo_name)
where verdict.window_days = 90
