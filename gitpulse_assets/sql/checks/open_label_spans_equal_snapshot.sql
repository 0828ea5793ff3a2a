-- Holds the labels of the snapshot against those that are on by their spans, and against those that are on by events
-- alone, from which spans are not made: of threads whose conversation came whole and with the newest record. Broken rows:
-- labels that one of the two lacks, and how many beginnings and ends no event tells. What GitHub tells by no event is
-- none: what an arrival carried along, what was on before the repository's first event of a label, and labels deleted
-- from the repository, which no record shows that came as late.
with thread as (
    select
        issue.repo_owner, issue.repo_name, issue.issue_id, issue.issue_number, issue.created_at, issue.fetched_at,
        thread.thread_updated_at = issue.updated_at as is_of_record
    from issue_current as issue
    join conversation_thread as thread using (repo_owner, repo_name, issue_id)
    where issue.departed_at is null and thread.is_complete and thread.thread_updated_at >= issue.updated_at
),

on_by_span as (
    select issue_id, label_id from label_span where to_at is null
),

on_by_snapshot as (
    select issue_id, label_id from issue_labels
),

arrival as (
    select issue_id, max((occurred_at, position)) as place
    from conversation_event
    where event_type = 'transferred'
    group by issue_id
),

label_event as (
    select issue_id, label_id, event_type, occurred_at, (occurred_at, position) as place
    from conversation_event
    where event_type in ('labeled', 'unlabeled') and label_id is not null
),

last_event as (
    select event.issue_id, event.label_id, arg_max(event.event_type, event.place) = 'labeled' as is_on
    from label_event as event
    left join arrival using (issue_id)
    where arrival.place is null or event.place > arrival.place
    group by event.issue_id, event.label_id
),

first_event as (
    select min(occurred_at) as at from label_event
),

last_shown as (
    select shown.label_id, max(issue.fetched_at) as at
    from issue_labels as shown
    join issue_current as issue using (issue_id)
    where issue.departed_at is null
    group by shown.label_id
),

differing as (
    (select *, 'span' as known_by from on_by_span except select *, 'span' from on_by_snapshot)
    union all
    (select *, 'snapshot' from on_by_snapshot except select *, 'snapshot' from on_by_span)
    union all
    select thread.issue_id, last_event.label_id, 'events, no end'
    from thread
    join last_event using (issue_id)
    join last_shown on last_event.label_id = last_shown.label_id and last_shown.at >= thread.fetched_at
    anti join on_by_snapshot as now on last_event.issue_id = now.issue_id and last_event.label_id = now.label_id
    where thread.is_of_record and last_event.is_on
    union all
    select thread.issue_id, now.label_id, 'snapshot, no beginning'
    from thread
    join on_by_snapshot as now using (issue_id)
    left join last_event on now.issue_id = last_event.issue_id and now.label_id = last_event.label_id
    left join arrival on thread.issue_id = arrival.issue_id
    cross join first_event
    where
        thread.is_of_record
        and not coalesce(last_event.is_on, arrival.place is not null or thread.created_at < first_event.at, false)
)

select
    thread.repo_owner, thread.repo_name, thread.issue_number, differing.label_id, differing.known_by,
    count(*) filter (where differing.known_by = 'snapshot, no beginning') over () as inferred_beginning_count,
    count(*) filter (where differing.known_by = 'events, no end') over () as inferred_end_count
from differing
join thread using (issue_id)
