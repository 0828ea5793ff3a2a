-- Proves that no issue counts as open before it was created or arrived: nothing in the ledger is older than
-- created_at (or, where that lies ahead of GitHub's own clock, than the fetch), `opened` and `transferred_in` come
-- first if at all, and an issue cannot leave before it entered.
-- Broken rows: the transitions too early, or of an issue we do not hold.
select
    transitions.repo_owner,
    transitions.repo_name,
    transitions.issue_number,
    transitions.issue_id,
    transitions.transition_number,
    transitions.kind,
    transitions.transitioned_at,
    issues.created_at
from issue_transitions as transitions
left join issue_current as issues using (repo_owner, repo_name, issue_id)
where
    issues.issue_id is null
    or transitions.transitioned_at < least(issues.created_at, issues.fetched_at)
    or (transitions.kind in ('opened', 'transferred_in') and transitions.transition_number > 1)
    or (transitions.delta < 0 and transitions.transition_number = 1)
