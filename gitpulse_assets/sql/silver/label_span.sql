-- Grain: one thread, label and time it was on. Key: repo_owner, repo_name, issue_id, label_id, span_number. Here: of the
-- threads of spanned_thread.
-- Events tell the spans; the snapshot has the last word on what is on now, where it is not older than the last event.
-- What happened in another repository, before an arrival, is no span here: what was carried along begins with the
-- arrival. A departure ends all spans. What no event tells is inferred: the end at the first record that lacks the
-- label (a label that is deleted from the repository leaves no event), the beginning at the creation. Neither lies
-- before the event that it contradicts was received: so merging run by run or all at once gives the same rows, and
-- retention keeps the records of these moments (`retention/needed_label_record.sql`).
with thread as (
    select
        issue.repo_owner, issue.repo_name, issue.issue_id, issue.issue_number as thread_number, issue.is_pull_request,
        issue.created_at, issue.departed_at, issue.fetched_at
    from issue_current as issue
    semi join spanned_thread using (issue_id)
    semi join conversation_thread using (issue_id)
),

arrival as (
    select issue_id, max((occurred_at, position)) as place, max(occurred_at) as arrived_at
    from conversation_event
    where event_type = 'transferred'
    group by issue_id
),

mark as (
    select
        event.issue_id, event.label_id, event.event_type, event.occurred_at, event.position, event.fetched_at,
        {login: event.actor_login, id: event.actor_id, type: event.actor_type} as actor,
        lag(event.event_type) over on_label as before
    from conversation_event as event
    semi join spanned_thread using (issue_id)
    left join arrival using (issue_id)
    where
        event.event_type in ('labeled', 'unlabeled')
        and event.label_id is not null
        and (arrival.place is null or (event.occurred_at, event.position) > arrival.place)
    window on_label as (
        partition by event.issue_id, event.label_id order by event.occurred_at, event.position
    )
),

-- The changes of each label alone: a label put on twice is on since the first time.
change as (
    select *
    from mark
    where before is distinct from event_type
),

by_event as (
    select
        issue_id, label_id, event_type, occurred_at as from_at, actor as added_by,
        lead(occurred_at) over (partition by issue_id, label_id order by occurred_at, position) as to_at
    from change
),

last_change as (
    select
        issue_id, label_id, max(occurred_at) as at,
        arg_max(event_type, (occurred_at, position)) as event_type,
        arg_max(fetched_at, (occurred_at, position)) as told_at
    from change
    group by issue_id, label_id
),

first_change as (
    select issue_id, label_id, arg_min(event_type, (occurred_at, position)) as event_type, min(occurred_at) as at
    from change
    group by issue_id, label_id
),

-- Records of the time in which conversations are collected, with the labels that each showed.
record as (
    select r.rowid as record_rowid, r.issue_id, r.fetched_at, r.labels
    from issue_record as r
    join conversation_thread as conversation using (issue_id)
    where r.rule is null and r.fetched_at >= conversation.first_sync_at
),

spelled as (
    select record_rowid, issue_id, unnest(labels) as label
    from record
),

record_label as (
    select spelled.record_rowid, spelled.issue_id, label_text.label_id
    from spelled
    join label_text using (label)
),

known_span as (
    select issue_id, label_id, from_at, is_from_inferred, to_at, is_to_inferred
    from stored_label_span
    semi join spanned_thread using (issue_id)
),

-- Labels that snapshots showed and no event told of.
untold as (
    select issue_id, label_id from record_label
    union
    select issue_id, label_id from known_span
),

watched as (
    select issue_id, label_id, last_change.at as since from last_change
    union all
    select issue_id, label_id, timestamptz '1970-01-01'
    from untold
    anti join last_change using (issue_id, label_id)
),

-- When records showed a thread without a label, and with it, since the label's last event.
shown as (
    select
        record.issue_id, watched.label_id, record.fetched_at, record_label.label_id is not null as is_on
    from record
    join watched on record.issue_id = watched.issue_id and record.fetched_at >= watched.since
    left join record_label
        on record.record_rowid = record_label.record_rowid and watched.label_id = record_label.label_id
),

last_shown as (
    select
        *,
        max(fetched_at) filter (where is_on) over on_label as last_on_at,
        max(fetched_at) filter (where not is_on) over on_label as last_off_at
    from shown
    window on_label as (partition by issue_id, label_id)
),

-- From when on they showed it for good.
noticed as (
    select
        issue_id, label_id, any_value(last_on_at) as last_on_at, any_value(last_off_at) as last_off_at,
        min(fetched_at) filter (where not is_on and fetched_at > coalesce(last_on_at, '-infinity')) as off_at,
        min(fetched_at) filter (where is_on and fetched_at > coalesce(last_off_at, '-infinity')) as on_at
    from last_shown
    group by issue_id, label_id
),

-- Spans that events began; one whose end no event tells ends where the snapshot lacks the label.
told as (
    select
        by_event.issue_id, by_event.label_id, by_event.from_at, by_event.added_by, false as is_from_inferred,
        by_event.to_at is null and now.label_id is null and thread.fetched_at >= by_event.from_at as is_noticed,
        if(is_noticed, coalesce(
            known_span.to_at, greatest(coalesce(noticed.off_at, thread.fetched_at), last_change.told_at)
        ), by_event.to_at) as to_at
    from by_event
    join thread using (issue_id)
    join last_change using (issue_id, label_id)
    left join issue_labels as now using (issue_id, label_id)
    left join noticed using (issue_id, label_id)
    left join known_span
        on by_event.issue_id = known_span.issue_id
        and by_event.label_id = known_span.label_id
        and by_event.from_at = known_span.from_at
        and known_span.is_to_inferred
        and known_span.to_at >= coalesce(noticed.last_on_at, '-infinity')
    where by_event.event_type = 'labeled'
),

-- What was on before the first event that tells of it: carried along by an arrival, or from the beginning.
before_events as (
    select
        thread.issue_id, first_change.label_id,
        coalesce(arrival.arrived_at, thread.created_at) as from_at,
        null as added_by, arrival.arrived_at is null as is_from_inferred, false as is_noticed,
        first_change.at as to_at
    from thread
    join first_change using (issue_id)
    left join arrival using (issue_id)
    where first_change.event_type = 'unlabeled'
    union all
    select
        thread.issue_id, now.label_id,
        coalesce(arrival.arrived_at, thread.created_at),
        null, arrival.arrived_at is null, false, null
    from thread
    join issue_labels as now using (issue_id)
    left join arrival using (issue_id)
    anti join first_change
        on thread.issue_id = first_change.issue_id and now.label_id = first_change.label_id
),

-- What the snapshot shows though the last event took it off.
put_back as (
    select
        thread.issue_id, now.label_id,
        coalesce(
            known_span.from_at, greatest(coalesce(noticed.on_at, thread.fetched_at), last_change.told_at)
        ) as from_at,
        null as added_by, true as is_from_inferred, false as is_noticed, null as to_at
    from thread
    join issue_labels as now using (issue_id)
    join last_change
        on thread.issue_id = last_change.issue_id and now.label_id = last_change.label_id
    left join noticed
        on thread.issue_id = noticed.issue_id and now.label_id = noticed.label_id
    left join known_span
        on thread.issue_id = known_span.issue_id
        and now.label_id = known_span.label_id
        and known_span.is_from_inferred
        and known_span.from_at > last_change.at
        and known_span.from_at >= coalesce(noticed.last_off_at, '-infinity')
    where last_change.event_type = 'unlabeled' and thread.fetched_at > last_change.at
),

-- What no event ever told and the snapshot lost since.
lost as (
    select
        thread.issue_id, untold.label_id,
        coalesce(arrival.arrived_at, thread.created_at) as from_at,
        null as added_by, arrival.arrived_at is null as is_from_inferred, true as is_noticed,
        coalesce(known_span.to_at, noticed.off_at, thread.fetched_at) as to_at
    from untold
    join thread using (issue_id)
    left join arrival using (issue_id)
    left join noticed using (issue_id, label_id)
    left join known_span
        on untold.issue_id = known_span.issue_id
        and untold.label_id = known_span.label_id
        and known_span.is_to_inferred
        and known_span.to_at >= coalesce(noticed.last_on_at, '-infinity')
    anti join first_change on untold.issue_id = first_change.issue_id and untold.label_id = first_change.label_id
    anti join issue_labels as now on untold.issue_id = now.issue_id and untold.label_id = now.label_id
),

span as (
    select * from told
    union all
    select * from before_events
    union all
    select * from put_back
    union all
    select * from lost
)

select
    thread.repo_owner,
    thread.repo_name,
    thread.issue_id,
    thread.thread_number,
    thread.is_pull_request,
    span.label_id,
    label_now.label_name,
    -- One may begin and end within the second in which the next begins.
    row_number() over (
        partition by span.issue_id, span.label_id order by span.from_at, span.to_at nulls last
    ) as span_number,
    span.from_at,
    coalesce(span.to_at, thread.departed_at) as to_at,
    span.added_by.login as added_by_login,
    span.added_by.id as added_by_id,
    span.added_by.type as added_by_type,
    span.is_from_inferred,
    span.is_noticed as is_to_inferred
from span
join thread using (issue_id)
left join label_now using (label_id)
