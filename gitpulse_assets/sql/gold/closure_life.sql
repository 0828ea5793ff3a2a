-- Grain: one issue, in the order of their creation. How long it was until its latest closing and until it departed, in
-- days of 24 hours; infinite where it was not.
select
    epoch_us(created_at) as created_us,
    coalesce(closure_age_days, 'infinity'::double) as closure_age_days,
    coalesce((epoch_us(departed_at) - epoch_us(created_at)) / 86400000000.0::double, 'infinity'::double)
        as departure_age_days
from mart_issue_lifecycle
order by created_us
