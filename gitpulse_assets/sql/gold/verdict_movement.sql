-- Grain: one movement that may belong to a burst (transform/bursts.py), before the last midnight and within the days
-- that are observed. What only our own look dates belongs to none: departures, returns and reopenings of many days are
-- noticed in the second a walk misses or meets them.
select
    delta::bigint as delta,
    coalesce(actor_login, '') as actor_login,
    coalesce(actor_type = 'Bot' or actor_login like '%[bot]', false) as is_bot,
    kind = 'reopened' as is_reopening,
    epoch_us(transitioned_at) as moved_us
from issue_transitions
where transitioned_at < date_trunc('day', $as_of_at::timestamptz)
    and transitioned_at >= date_trunc('day', $as_of_at::timestamptz) - to_days($observed_days::integer)
    and (known_by <> 'inferred' or kind = 'closed')
