-- Grain: that of the mart, whose rows are `listed`; of them those that pass every filter given, a null one lets all
-- pass. A person has to do with what they opened, are assigned to or shall review.
select
    listed.*,
    thread.* exclude (thread_number, is_pull_request)
from listed
left join thread using (thread_number)
where
    ($label::varchar is null or coalesce(list_contains(thread.filed_under, $label::varchar), false))
    and ($person::varchar is null or coalesce(list_contains(thread.people, lower($person::varchar)), false))
    and ($is_pull_request::boolean is null or thread.is_pull_request = $is_pull_request::boolean)
