-- Grain: one issue that came from another repository (its last arrival) or went to one. Key: issue_id, direction.
-- GitHub names where an issue came from by GraphQL only, and where it went with its number there. An issue that went
-- elsewhere and was brought back ends here again, under another number: it went where that one came from.
-- number_here: under what number it arrived, or came back.
with arrival as (
    select issue_id, happened_at, lower(from_repository) as from_repository
    from issue_event
    where kind = 'transferred' and (from_repository is null or lower(from_repository) not in (select own_name from own_name))
    qualify row_number() over (partition by issue_id order by happened_at desc, position desc) = 1
),

departure as (
    select
        *,
        lower(split_part(departed_to, '#', 1)) as target_repository,
        try_cast(split_part(departed_to, '#', 2) as bigint) as target_number,
        coalesce(target_repository in (select own_name from own_name), false) as is_back
    from issue_current
    where departure_kind = 'transferred_out' and not is_pull_request
),

returned as (
    select departure.issue_id, arrival.from_repository
    from departure
    join issue_current as issue on issue.issue_number = departure.target_number
    join arrival on arrival.issue_id = issue.issue_id
    where departure.is_back
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
    null::bigint as other_issue_number,
    issue.issue_number as number_here,
    issue.departed_at,
    lower(issue.departed_to) as departed_to
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
    if(is_back, returned.from_repository, target_repository),
    if(is_back, null, target_number),
    if(is_back, target_number, null),
    departed_at,
    lower(departed_to)
from departure
left join returned using (issue_id)
