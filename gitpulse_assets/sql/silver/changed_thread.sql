-- Grain: one issue or pull request of which the new records, its conversation, its departure or a closing tell anything.
select issue_id from touched_issue
union
select issue_id from touched_conversation
union
select issue_id from listed_closing
