-- Grain: one row per issue that a month of the window can count: closed in it, or created in the year before one of
-- its months' ends. Key: issue_id. Registered as mart_issue_lifecycle, so that the mart's own statement
-- answers for the window: only closings within it are closings, what came later is still open by then.
select
    repo_owner,
    repo_name,
    created_at,
    created_date,
    departed_at,
    closure_age_days,
    closed_date,
    is_closed and closed_date between $start_date::date and $end_date::date as is_closed
from lifecycle
where
    (is_closed and closed_date between $start_date::date and $end_date::date)
    or created_date between $start_date::date - 400 and $end_date::date
