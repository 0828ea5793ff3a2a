-- Grain: one issue that the new bronze batches say anything about. Only these are merged; all others are carried
-- over as stored.
select issue_id from issue_record where rule is null
union
select issue_id from event_record where rule is null
union
select issue_id from bronze_departure
