-- Grain: one kind of event that is newer than this project, and how many of it the conversations hold.
select event_type, count(*) as event_count
from conversation_event
where not list_contains($known::varchar[], event_type)
group by event_type
order by event_type
