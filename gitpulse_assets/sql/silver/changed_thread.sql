-- Grain: one issue or pull request of which the new records, its conversation or its departure tell anything.
select issue_id from touched_issue
union
select issue_id from touched_conversation
