-- Grain: one thing waited for and the UTC month in which the threads were created. Relation, not published.
-- The plain quantiles are of what came. The Kaplan-Meier median counts what did not come as longer than it was seen:
-- the first duration at which no more than half are still without; null where more than half outlast what was seen.
with at_risk as (
    select
        waited_for,
        month,
        seconds,
        has_come,
        row_number() over (partition by waited_for, month order by seconds desc, has_come) as at_risk_count
    from thread_wait
),

-- Endings at one duration one after the other give the same product as all at once, if they come before the censored.
survival as (
    select
        waited_for,
        month,
        seconds,
        has_come,
        product(if(has_come, (at_risk_count - 1.0::double) / at_risk_count, 1.0::double)) over (
            partition by waited_for, month order by at_risk_count desc
            rows between unbounded preceding and current row
        ) as left_share
    from at_risk
)

select
    waited_for,
    month,
    count(*) as thread_count,
    count(*) filter (where has_come) as came_count,
    quantile_cont(seconds::double, 0.5) filter (where has_come) as median_seconds,
    quantile_cont(seconds::double, 0.9) filter (where has_come) as p90_seconds,
    -- The products are rounded: a share of exactly one half can come out a few last bits above it.
    min(seconds) filter (where has_come and left_share <= 0.5 + 1e-9)::double as kaplan_meier_median_seconds
from survival
group by waited_for, month
