-- Grain: one row per repository and UTC day, none missing, from the ledger's first day to the as-of day (or to
-- the day of the last transition, when the walk that read it crossed midnight). Key: repo_owner, repo_name, flow_date.
-- A quiet repository's spine runs to the as-of day too, and a synced repository without any issue has one row
-- of zeros on it: "nothing is open" is an answer, and a chart or a check can tell it from "never looked".
-- Flows are counted by kind and the stock is summed from delta, so that the two can contradict each other.
with repositories as (
    select repo_owner, repo_name from repository
    union
    select repo_owner, repo_name from issue_transitions
),

flow as (
    select
        repo_owner,
        repo_name,
        make_timestamp(epoch_us(transitioned_at))::date as flow_date,
        count(*) filter (where kind = 'opened') as opened_count,
        count(*) filter (where kind = 'reopened') as reopened_count,
        count(*) filter (where kind = 'transferred_in') as transferred_in_count,
        count(*) filter (where kind = 'returned') as returned_count,
        count(*) filter (where kind = 'closed') as closed_count,
        count(*) filter (where kind = 'converted') as converted_count,
        count(*) filter (where kind = 'transferred_out') as transferred_out_count,
        count(*) filter (where kind = 'deleted') as deleted_count,
        sum(delta)::bigint as stock_change
    from issue_transitions
    group by repo_owner, repo_name, flow_date
),

bounds as (
    select
        repo_owner,
        repo_name,
        make_timestamp(epoch_us($as_of_at::timestamptz))::date as as_of_date,
        least(min(flow_date), as_of_date) as first_date,
        greatest(max(flow_date), as_of_date) as last_date
    from repositories
    left join flow using (repo_owner, repo_name)
    group by repo_owner, repo_name
),

spine as (
    select
        repo_owner,
        repo_name,
        unnest(generate_series(first_date::timestamp, last_date::timestamp, interval 1 day))::date as flow_date
    from bounds
),

daily as (
    select
        repo_owner,
        repo_name,
        flow_date,
        coalesce(opened_count, 0) as opened_count,
        coalesce(reopened_count, 0) as reopened_count,
        coalesce(transferred_in_count, 0) as transferred_in_count,
        coalesce(returned_count, 0) as returned_count,
        coalesce(closed_count, 0) as closed_count,
        coalesce(converted_count, 0) as converted_count,
        coalesce(transferred_out_count, 0) as transferred_out_count,
        coalesce(deleted_count, 0) as deleted_count,
        coalesce(stock_change, 0) as stock_change
    from spine
    left join flow using (repo_owner, repo_name, flow_date)
),

netted as (
    select
        *,
        opened_count + reopened_count + transferred_in_count + returned_count
        - closed_count - converted_count - transferred_out_count - deleted_count as net_change
    from daily
)

select
    repo_owner,
    repo_name,
    flow_date,
    opened_count,
    reopened_count,
    transferred_in_count,
    returned_count,
    closed_count,
    converted_count,
    transferred_out_count,
    deleted_count,
    net_change,
    sum(net_change) over to_date::bigint as cumulative_net_change,
    sum(stock_change) over to_date::bigint as open_at_end,
    sum(opened_count) over seven_days::bigint as rolling_7d_opened,
    sum(closed_count) over seven_days::bigint as rolling_7d_closed,
    sum(net_change) over seven_days::bigint as rolling_7d_net_change
from netted
window
    to_date as (partition by repo_owner, repo_name order by flow_date),
    seven_days as (
        partition by repo_owner, repo_name order by flow_date rows between 6 preceding and current row
    )
