-- Proves that the swing days are days of the daily flow with its numbers, that the issues listed add up to the
-- net change, and that no day left out moved the backlog more than one listed. Broken rows: the days that fail.
with swing as (
    select
        repo_owner,
        repo_name,
        flow_date,
        direction,
        net_change,
        len(issue_numbers) - len(offset_issue_numbers) as listed_change
    from mart_issue_swing_days
),

least_swing as (
    select repo_owner, repo_name, direction, min(abs(net_change)) as least_change, count(*) as swing_count
    from swing
    group by repo_owner, repo_name, direction
),

day as (
    select repo_owner, repo_name, flow_date, net_change, if(net_change > 0, 'up', 'down') as direction
    from mart_issue_daily_flow
    where net_change <> 0
)

select repo_owner, repo_name, flow_date, swing.net_change, day.net_change as flow_net_change, 'differs' as reason
from swing
left join day using (repo_owner, repo_name, flow_date)
where swing.net_change is distinct from day.net_change or swing.listed_change <> abs(swing.net_change)
union all
select repo_owner, repo_name, flow_date, null, day.net_change, 'left out'
from day
anti join swing using (repo_owner, repo_name, flow_date)
left join least_swing using (repo_owner, repo_name, direction)
where coalesce(swing_count, 0) < 10 or abs(day.net_change) > least_change
