-- Grain: one issue whose coverage is made anew: one of which a timeline came, or a departure with one; a walk of the
-- issue events tells of all issues.
select issue_id
from timeline_record
where (is_readable or is_unserved) and issue_id is not null and source = 'graphql' and not is_pull_request
union
select issue_id
from departure_record
where p.timelineItems.nodes is not null
union
select issue_id
from issue_current
where exists (select 1 from bronze_event_walk)
union
select issue_id
from stored_lifecycle_coverage
where exists (select 1 from bronze_event_walk)
