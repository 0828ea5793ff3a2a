-- Grain: one row per issue open at a moment in the past, by the ledger. Key: issue_id.
select issue_id
from issue_transitions
where transitioned_at < $as_of_at::timestamptz
group by issue_id
having sum(delta) > 0
