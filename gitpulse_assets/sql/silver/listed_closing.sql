-- Grain: one closing of a pull request by the issue events of REST, which are walked where there is no token. Such an
-- event names the commit that closed it, where one did.
select
    issue_id,
    try_cast(p.created_at as timestamptz) as closed_at,
    p.commit_id is not null as is_by_commit,
    coalesce(try_cast(p.id as bigint), 0) as event_number
from timeline_record
where
    is_readable and source = 'rest_events' and p.event = 'closed' and p.issue.pull_request is not null
    and issue_id is not null and p.created_at like '____-__-__T%'
