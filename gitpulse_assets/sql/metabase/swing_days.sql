-- Grain: one row a UTC day: the ten days of the window that most moved the backlog this way, with their issues.
-- An issue that moved both ways on a day moved nothing and is not named; + entered, - left.
with {{snippet: window}},

swing as (
    select flow_date, net_change
    from days
    where {{snippet: sign}} * net_change > 0
    order by {{snippet: sign}} * net_change desc, flow_date desc
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
order by {{snippet: sign}} * any_value(swing.net_change) desc, swing.flow_date desc
