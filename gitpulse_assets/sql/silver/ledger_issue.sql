-- Grain: one issue whose ledger is made anew: the touched ones, and any that has no ledger rows at all although it
-- once was open, so that a ledger thrown away is built again by the next merge. Of pull requests only those that
-- were issues first.
select issue_id
from issue_current
where (not is_pull_request or issue_id in (select issue_id from issue_sighting where departure_kind = 'converted'))
    and (
        issue_id in (select issue_id from touched_issue)
        or issue_id not in (select issue_id from stored_issue_transitions)
    )
