-- Grain: one issue that came from another repository (its last arrival) or went to one. Key: issue_id, direction.
-- GitHub names where an issue came from by GraphQL only, and where it went with its number there.
with arrival as (
    select issue_id, happened_at, lower(from_repository) as from_repository
    from issue_event
    where kind = 'transferred' and (from_repository is null or lower(from_repository) not in (select own_name from own_name))
    qualify row_number() over (partition by issue_id order by happened_at desc, position desc) = 1
)

select
    issue.repo_owner,
    issue.repo_name,
    issue.issue_id,
    issue.issue_number,
    'in' as direction,
    arrival.happened_at as transferred_at,
    issue.title,
    issue.state,
    arrival.from_repository as other_repository,
    null::bigint as other_issue_number
from issue_current as issue
join arrival using (issue_id)
where not issue.is_pull_request
union all
select
    repo_owner,
    repo_name,
    issue_id,
    issue_number,
    'out',
    departed_at,
    title,
    state,
    lower(split_part(departed_to, '#', 1)),
    try_cast(split_part(departed_to, '#', 2) as bigint)
from issue_current
where departure_kind = 'transferred_out' and not is_pull_request
