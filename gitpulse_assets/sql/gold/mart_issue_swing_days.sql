-- Grain: one row per repository, direction and rank: the 10 days that moved the backlog most, each way.
-- Key: repo_owner, repo_name, direction, swing_rank. A day without net change is never a swing; of days that moved
-- it equally the later ranks first, being the one a maintainer still remembers.
-- An issue opened and closed on one day moved nothing and stands in neither list, so that
-- issue_numbers less offset_issue_numbers is exactly the day's net change.
with ranked as (
    select
        *,
        if(net_change > 0, 'up', 'down') as direction,
        row_number() over (
            partition by repo_owner, repo_name, sign(net_change) order by abs(net_change) desc, flow_date desc
        ) as swing_rank
    from mart_issue_daily_flow
    where net_change <> 0
),

swing as (
    select * from ranked where swing_rank <= 10
),

moved as (
    select
        transitions.repo_owner,
        transitions.repo_name,
        swing.flow_date,
        transitions.issue_number,
        sum(transitions.delta) * sign(any_value(swing.net_change)) as move
    from issue_transitions as transitions
    join swing
        on swing.repo_owner = transitions.repo_owner
        and swing.repo_name = transitions.repo_name
        and swing.flow_date = make_timestamp(epoch_us(transitions.transitioned_at))::date
    group by transitions.repo_owner, transitions.repo_name, swing.flow_date, transitions.issue_number
),

numbers as (
    select
        repo_owner,
        repo_name,
        flow_date,
        list_sort(list(issue_number) filter (where move > 0)) as issue_numbers,
        list_sort(list(issue_number) filter (where move < 0)) as offset_issue_numbers
    from moved
    group by repo_owner, repo_name, flow_date
)

select
    repo_owner,
    repo_name,
    direction,
    swing_rank,
    flow_date,
    net_change,
    opened_count,
    reopened_count,
    transferred_in_count,
    returned_count,
    closed_count,
    converted_count,
    transferred_out_count,
    deleted_count,
    open_at_end,
    coalesce(issue_numbers, []::bigint[]) as issue_numbers,
    coalesce(offset_issue_numbers, []::bigint[]) as offset_issue_numbers
from swing
left join numbers using (repo_owner, repo_name, flow_date)
