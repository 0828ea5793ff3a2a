-- Proves our open count against GitHub's own, taken before and after the walk: they must be equal when both of
-- GitHub's agree and nothing was updated between them. Otherwise the difference is shown with its reason. GitHub's
-- count without a token includes open pull requests, and so does ours then. One row, or none before the first walk.
with counted as (
    select
        count(*) filter (where not is_pull_request) as issue_count,
        count(*) as issue_and_pull_request_count
    from issue_current
    where state = 'open' and departed_at is null
),

newest as (
    select * from control_total order by fetched_at desc limit 1
)

select
    if(has_pull_requests, issue_and_pull_request_count, issue_count) as our_count,
    open_count_before,
    open_count_after,
    has_pull_requests,
    our_count - open_count_after as difference,
    case
        when difference = 0 then 'equal'
        when open_count_before <> open_count_after then 'GitHub''s count changed during the walk'
        when not is_quiet then 'something was updated during the walk'
        else 'GitHub at rest counts otherwise'
    end as reason,
    reason = 'GitHub at rest counts otherwise' as is_contradicted
from newest, counted
