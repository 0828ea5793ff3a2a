-- Grain: one issue that came (in) or went (out). Key: repo_owner, repo_name, issue_id, direction.
-- An issue that went is looked up at the place it went to; one that came is found by where the other repository's
-- issue departed to. Of several (it moved on through a third repository) the last departure counts. What moved on
-- before it was missed is told by where it is now, as is the other side then: both ended in the same place. A
-- repository is found by each of its names, first by the present one: a name given up may be another's today.
with pair as (
    select m.issue_id, m.direction, n.repository, n.issue_id as other_issue_id, n.issue_number, n.state, n.label_names,
        n.departed_at, n.fetched_at, n.names[1] = m.other_repository as is_present_name
    from transfer_movement as m
    join neighbour_issue as n
        on m.other_issue_number = n.issue_number and list_contains(n.names, m.other_repository)
    where m.direction = 'out'
    union all
    select m.issue_id, m.direction, n.repository, n.issue_id, n.issue_number, n.state, n.label_names,
        n.departed_at, n.fetched_at, n.names[1] = m.other_repository
    from transfer_movement as m
    join neighbour_issue as n on split_part(n.departed_to, '#', 2) = m.number_here::varchar
    where
        split_part(n.departed_to, '#', 1) in (select own_name from own_name)
        and coalesce(list_contains(n.names, m.other_repository), true)
    union all
    select m.issue_id, m.direction, n.repository, n.issue_id, n.issue_number, n.state, n.label_names,
        n.departed_at, n.fetched_at, n.names[1] = m.other_repository
    from transfer_movement as m
    join neighbour_issue as n
        on m.departed_to = n.departed_to and list_contains(n.names, m.other_repository)
    where m.direction = 'in' and n.departed_at <= m.departed_at
),

other as (
    select *
    from pair
    qualify row_number() over (
        partition by issue_id, direction
        order by is_present_name desc nulls last, departed_at desc nulls last, other_issue_id
    ) = 1
),

labels as (
    select issue_id, list_sort(list(distinct label_name)) as label_names
    from issue_labels
    where issue_id in (select issue_id from transfer_movement)
    group by issue_id
),

-- What an issue had before it came: as its former home showed it last, and what events changed since; by events alone
-- where nobody watches that.
shown_before as (
    select issue_id, unnest(label_names) as label_name
    from other
    where direction = 'in'
),

changed_since as (
    select change.issue_id, change.label_name, change.event_type
    from label_change as change
    left join other on change.issue_id = other.issue_id and other.direction = 'in'
    where coalesce(change.occurred_at > other.fetched_at, true)
),

label_before as (
    select issue_id, list_sort(list(label_name)) as label_names
    from (
        select issue_id, label_name
        from shown_before
        anti join changed_since using (issue_id, label_name)
        union
        select issue_id, label_name
        from changed_since
        where event_type = 'labeled'
    ) as had
    group by issue_id
)

select
    m.repo_owner,
    m.repo_name,
    m.issue_id,
    m.issue_number,
    m.direction,
    m.transferred_at,
    m.title,
    m.state,
    coalesce(labels.label_names, []) as label_names,
    coalesce(other.repository, nullif(m.other_repository, '')) as other_repository,
    coalesce(other.issue_number, m.other_issue_number) as other_issue_number,
    other.other_issue_id,
    other.state as other_state,
    case
        when m.direction = 'out' then other.label_names
        when other.other_issue_id is not null or m.issue_id in (select issue_id from label_change)
            then coalesce(label_before.label_names, [])
    end as other_label_names,
    other.other_issue_id is not null as is_linked
from transfer_movement as m
left join other using (issue_id, direction)
left join labels using (issue_id)
left join label_before on m.issue_id = label_before.issue_id and m.direction = 'in'
