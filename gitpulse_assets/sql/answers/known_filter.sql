-- Grain: one row: whether any issue or pull request has the label now, and whether the person has to do with any.
select
    coalesce(bool_or(list_contains(filed_under, $label::varchar)), false) as is_label_known,
    coalesce(bool_or(list_contains(people, lower($person::varchar))), false) as is_person_known
from thread
