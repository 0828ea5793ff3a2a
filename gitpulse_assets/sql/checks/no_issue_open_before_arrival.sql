-- Proves that no issue counts as open before it was created or arrived: nothing in the ledger is older than
-- created_at (or, where that lies ahead of GitHub's own clock, than the fetch) nor than the last event that tells of a
-- transfer from elsewhere, `opened` and `transferred_in` come first if at all, and an issue cannot leave before it
-- entered. Broken rows: the transitions too early, or of an issue we do not hold.
with arrival as (
    select repo_owner, repo_name, issue_id, max(happened_at) as arrived_at
    from issue_event
    where kind = 'transferred' and lower(from_repository) is distinct from repo_owner || '/' || repo_name
    group by repo_owner, repo_name, issue_id
)

select
    transitions.repo_owner,
    transitions.repo_name,
    transitions.issue_number,
    transitions.issue_id,
    transitions.transition_number,
    transitions.kind,
    transitions.transitioned_at,
    issues.created_at,
    arrival.arrived_at
from issue_transitions as transitions
left join issue_current as issues using (repo_owner, repo_name, issue_id)
left join arrival using (repo_owner, repo_name, issue_id)
where
    issues.issue_id is null
    or transitions.transitioned_at < least(greatest(issues.created_at, arrival.arrived_at), issues.fetched_at)
    or (transitions.kind in ('opened', 'transferred_in') and transitions.transition_number > 1)
    or (transitions.delta < 0 and transitions.transition_number = 1)
