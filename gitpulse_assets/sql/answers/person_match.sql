-- Grain: that of the mart of people; without a person given all of them.
select *
from mart
where $person::varchar is null or lower(person_login) = lower($person::varchar)
