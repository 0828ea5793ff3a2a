-- Grain: one row per change of the backlog by an issue that has the label now, whenever it got it.
-- Key: issue_id, transition_number.
select *
from all_transitions
semi join lifecycle using (issue_id)
