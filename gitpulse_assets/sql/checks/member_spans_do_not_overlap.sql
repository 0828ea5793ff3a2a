-- Proves that a person is a member once at a time. Broken rows: stretches that begin before the one before has ended.
select org_login, user_id, span_number, from_date, previous_to_date
from (
    select
        *,
        lag(coalesce(to_date, date '9999-12-31')) over (
            partition by org_login, user_id order by span_number
        ) as previous_to_date
    from organization_member
) as span
where coalesce(from_date, date '0001-01-01') < previous_to_date
