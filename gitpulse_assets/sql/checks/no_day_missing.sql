-- Proves that the daily flow has every UTC day once, begins no later than the ledger and reaches the as-of day.
-- Broken rows: the day after each gap, and the first and last day of a spine too short.
with day as (
    select
        repo_owner,
        repo_name,
        flow_date,
        lag(flow_date) over (partition by repo_owner, repo_name order by flow_date) as previous_date
    from mart_issue_daily_flow
),

spine as (
    select repo_owner, repo_name, min(flow_date) as first_date, max(flow_date) as last_date
    from mart_issue_daily_flow
    group by repo_owner, repo_name
),

wanted as (
    select
        repo_owner,
        repo_name,
        make_timestamp(min(epoch_us(transitioned_at)))::date as first_date,
        make_timestamp(epoch_us($as_of_at::timestamptz))::date as last_date
    from repository
    left join issue_transitions using (repo_owner, repo_name)
    group by repo_owner, repo_name
)

select repo_owner, repo_name, flow_date, previous_date as expected_after, 'gap' as reason
from day
where flow_date <> previous_date + 1
union all
select repo_owner, repo_name, spine.first_date, wanted.first_date, 'begins too late'
from wanted
left join spine using (repo_owner, repo_name)
where wanted.first_date < coalesce(spine.first_date, 'infinity')
union all
select repo_owner, repo_name, spine.last_date, wanted.last_date, 'ends too early'
from wanted
left join spine using (repo_owner, repo_name)
where wanted.last_date > coalesce(spine.last_date, '-infinity')
