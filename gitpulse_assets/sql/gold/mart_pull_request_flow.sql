-- Grain: one row per repository and UTC day, none missing, from the first step to the as-of day (or to the day of
-- the last step, when the walk that read it crossed midnight). Key: repo_owner, repo_name, flow_date.
-- Flows are counted by kind and the stocks summed from the steps' deltas, so that the two can contradict each other.
with flow as (
    select
        stepped_date as flow_date,
        count(*) filter (where kind in ('opened', 'opened_as_draft')) as opened_count,
        count(*) filter (where kind = 'ready_for_review' and draft_delta = -1) as ready_count,
        count(*) filter (where kind = 'merged' and delta = -1) as merged_count,
        count(*) filter (where kind = 'closed' and delta = -1) as closed_unmerged_count,
        count(*) filter (where kind = 'closed' and delta = -1 and is_by_commit) as closed_by_commit_count,
        count(*) filter (where kind = 'reopened' and delta = 1) as reopened_count,
        count(*) filter (where kind = 'opened_as_draft') as opened_as_draft_count,
        count(*) filter (where kind = 'convert_to_draft' and draft_delta = 1) as converted_to_draft_count,
        count(*) filter (where kind in ('closed', 'merged') and draft_delta = -1) as draft_closed_count,
        count(*) filter (where kind = 'reopened' and draft_delta = 1) as draft_reopened_count,
        sum(delta) as stock_change,
        sum(draft_delta) as draft_change
    from pull_request_step
    group by stepped_date
),

bounds as (
    select
        make_timestamp(epoch_us($as_of_at::timestamptz))::date as as_of_date,
        least(min(flow_date), as_of_date) as first_date,
        greatest(max(flow_date), as_of_date) as last_date
    from flow
),

spine as (
    select repo_owner, repo_name,
        unnest(generate_series(first_date::timestamp, last_date::timestamp, interval 1 day))::date as flow_date
    from repository
    cross join bounds
)

select
    repo_owner,
    repo_name,
    flow_date,
    coalesce(opened_count, 0)::bigint as opened_count,
    coalesce(ready_count, 0)::bigint as ready_count,
    coalesce(merged_count, 0)::bigint as merged_count,
    coalesce(closed_unmerged_count, 0)::bigint as closed_unmerged_count,
    coalesce(closed_by_commit_count, 0)::bigint as closed_by_commit_count,
    coalesce(reopened_count, 0)::bigint as reopened_count,
    coalesce(sum(stock_change) over to_date, 0)::bigint as open_at_end,
    coalesce(sum(draft_change) over to_date, 0)::bigint as drafts_at_end,
    coalesce(opened_as_draft_count, 0)::bigint as opened_as_draft_count,
    coalesce(converted_to_draft_count, 0)::bigint as converted_to_draft_count,
    coalesce(draft_closed_count, 0)::bigint as draft_closed_count,
    coalesce(draft_reopened_count, 0)::bigint as draft_reopened_count
from spine
left join flow using (flow_date)
window to_date as (order by flow_date)
