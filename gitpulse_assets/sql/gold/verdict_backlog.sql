-- Grain: one row: the age of the issues open at the as-of moment.
-- Exact quantiles from exact seconds; a transferred issue's age counts since it was created. Who was open is asked of
-- the ledger, so that the answer holds for a moment in the past, too.
with open_issue as (
    select issue_id
    from issue_transitions
    where transitioned_at < $as_of_at::timestamptz
    group by issue_id
    having sum(delta) > 0
),

open_age as (
    select (epoch_us($as_of_at::timestamptz) - epoch_us(created_at)) / 86400e6 as age_days
    from mart_issue_lifecycle
    semi join open_issue using (issue_id)
)

select
    quantile_cont(age_days, 0.5) as median_open_age_days,
    quantile_cont(age_days, 0.9) as p90_open_age_days,
    avg((age_days > 365)::integer) as share_open_over_1_year
from open_age
