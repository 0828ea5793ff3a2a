-- Grain: one row a UTC day: the ten days of the window that most grew the backlog, with the issues behind each.
-- An issue that moved both ways on a day moved nothing and is not named; + entered, - left.
with last as (
    select any_value(window_end_date) as last_date
    from gold_mart_backlog_verdict
    where repo_owner || '/' || repo_name = lower({{repository}})
),

bounds as (
    select
        least(last_date [[, {{last_day}}::date]]) as end_date,
        end_date - {{window_days}}::integer + 1 as start_date
    from last
),

days as (
    select flow.*
    from gold_mart_issue_daily_flow as flow
    cross join bounds
    where
        repo_owner || '/' || repo_name = lower({{repository}})
        and flow_date between start_date and end_date
),

swing as (
    select flow_date, net_change
    from days
    where net_change > 0
    order by net_change desc, flow_date desc
    limit 10
),

moved as (
    select make_timestamp(epoch_us(transitioned_at))::date as flow_date, issue_number, sum(delta) as move
    from silver_github_issue_transitions
    where repo_owner || '/' || repo_name = lower({{repository}})
    group by all
    having move <> 0
)

select
    swing.flow_date,
    any_value(swing.net_change) as net_change,
    string_agg(if(move > 0, '+#', '-#') || issue_number, ' ' order by move desc, issue_number) as issues
from swing
left join moved on moved.flow_date = swing.flow_date
group by swing.flow_date
order by net_change desc, swing.flow_date desc
