-- Reports numbers that are older than they look: a stream whose last walk began more than a day before it ended,
-- because it was cut short and resumed. What changed since is fetched by the next refresh.
-- Broken rows: the streams.
select stream, as_of_at, finished_at, last_merged_run_id
from sync_state
where finished_at - as_of_at > interval 1 day
