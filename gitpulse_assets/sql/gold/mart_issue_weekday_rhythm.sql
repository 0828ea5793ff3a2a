-- Grain: one row per repository, weekday and event type, always 14 a repository. Key: repo_owner, repo_name,
-- weekday_num, event_type. Summed from the daily flow, so that a closing counts once each time it changed the
-- backlog and on the UTC weekday it did so.
with weekday as (
    select
        repo_owner,
        repo_name,
        isodow(flow_date) - 1 as weekday_num,
        sum(opened_count) as opened_count,
        sum(closed_count) as closed_count
    from mart_issue_daily_flow
    group by repo_owner, repo_name, weekday_num
),

-- A young repository's spine can be shorter than a week.
grid as (
    select repositories.repo_owner, repositories.repo_name, weekday_num, event_type
    from (select distinct repo_owner, repo_name from mart_issue_daily_flow) as repositories
    cross join range(7) as weekdays (weekday_num)
    cross join (values ('opened'), ('closed')) as event_types (event_type)
)

select
    repo_owner,
    repo_name,
    weekday_num::bigint as weekday_num,
    ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'][weekday_num + 1] as weekday_name,
    event_type,
    coalesce(if(event_type = 'opened', opened_count, closed_count), 0)::bigint as issue_count
from grid
left join weekday using (repo_owner, repo_name, weekday_num)
