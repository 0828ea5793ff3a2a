-- Reports an implausible volume: one merge in which more than 10 issues and 5 % of those present before departed. A
-- list that came back short would look like this. Broken rows: one, with both counts.
with departed as (
    select count(*) as departed_count
    from issue_current
    join stored_issue_current as stored using (issue_id)
    where issue_current.departed_at is not null and stored.departed_at is null
),

present as (
    select count(*) as present_count from stored_issue_current where departed_at is null
)

select departed_count, present_count
from departed, present
where departed_count > greatest(10, 0.05 * present_count)
