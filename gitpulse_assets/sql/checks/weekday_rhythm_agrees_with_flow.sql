-- Proves that each repository has its 14 weekday rows and that they add up to the openings and closings of the
-- daily flow. Broken rows: the repository and event type that do not.
with flow as (
    select repo_owner, repo_name, 'opened' as event_type, sum(opened_count) as flow_count
    from mart_issue_daily_flow
    group by repo_owner, repo_name
    union all
    select repo_owner, repo_name, 'closed', sum(closed_count)
    from mart_issue_daily_flow
    group by repo_owner, repo_name
),

rhythm as (
    select repo_owner, repo_name, event_type, sum(issue_count) as rhythm_count, count(*) as weekday_count
    from mart_issue_weekday_rhythm
    group by repo_owner, repo_name, event_type
)

select repo_owner, repo_name, event_type, flow_count, rhythm_count, weekday_count
from flow
full join rhythm using (repo_owner, repo_name, event_type)
where flow_count is distinct from rhythm_count or weekday_count is distinct from 7
