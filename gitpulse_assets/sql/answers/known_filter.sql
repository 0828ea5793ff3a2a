-- Grain: one row: whether any issue or pull request has the label now, and whether somebody of the login ever opened or
-- said anything here, is assigned to something or shall review it.
select
    coalesce(bool_or(list_contains(filed_under, $label::varchar)), false) as is_label_known,
    coalesce(bool_or(list_contains(people, lower($person::varchar))), false)
    or exists (from mart_contributor where lower(person_login) = lower($person::varchar)) as is_person_known
from thread
