-- Grain: one row: the published verdict of the window; for a window without one, that there is none.
-- Whether a backlog grows is a matter of its noise, which no card can judge: see the API for any window.
with {{snippet: window}}

select
    coalesce(
        any_value(direction),
        'no verdict: it is published for the last 28, 90 and 180 complete days'
    ) as direction
from gold_mart_backlog_verdict as verdict
inner join bounds
    on verdict.window_start_date = bounds.start_date and verdict.window_end_date = bounds.end_date
where repo_owner || '/' || repo_name = lower({{repository}})
