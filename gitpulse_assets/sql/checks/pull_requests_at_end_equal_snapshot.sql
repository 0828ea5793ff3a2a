-- The flow's last day, where it does not have as many open pull requests and drafts as the snapshot.
with flow as (
    select repo_owner, repo_name, flow_date, open_at_end, drafts_at_end
    from mart_pull_request_flow
    qualify row_number() over (partition by repo_owner, repo_name order by flow_date desc) = 1
),

snapshot as (
    select
        count(*) filter (where state = 'open') as open_count,
        count(*) filter (where state = 'open' and is_draft) as draft_count
    from pull_request_current
    where departed_at is null
)

select flow.repo_owner, flow.repo_name, flow.flow_date, open_at_end, open_count, drafts_at_end, draft_count
from flow
cross join snapshot
where open_at_end <> open_count or drafts_at_end <> draft_count
