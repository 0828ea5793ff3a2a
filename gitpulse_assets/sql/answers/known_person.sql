-- Grain: one row: whether somebody of the login ever opened or said anything here. No label is asked for.
select
    true as is_label_known,
    coalesce(bool_or(lower(person_login) = lower($person::varchar)), false) as is_person_known
from mart
