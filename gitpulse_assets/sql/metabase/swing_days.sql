-- Grain: one row a UTC day: the swing days of the window by the mart's own statement, of one direction, with their
-- issues: + entered, - left.
with {{snippet: window}},

mart_issue_daily_flow as (
    select * from days
),

issue_transitions as (
    select *
    from silver_github_issue_transitions
    where repo_owner || '/' || repo_name = lower({{repository}})
),

swing_day as (
{{snippet: mart_issue_swing_days}}
)

select
    flow_date,
    net_change,
    array_to_string(
        list_concat(
            ['+#' || number for number in if(direction = 'up', issue_numbers, offset_issue_numbers)],
            ['-#' || number for number in if(direction = 'up', offset_issue_numbers, issue_numbers)]
        ),
        ' '
    ) as issues
from swing_day
where direction = {{snippet: direction}}
order by swing_rank
