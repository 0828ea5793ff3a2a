-- Grain: one change of the open backlog by one issue, of a pull request only while it was one. Here: of ledger_issue.
-- Key: repo_owner, repo_name, issue_id, transition_number. A pure function of issue_event, issue_sighting and
-- issue_current: every history in GitPulse is computed from these rows, and these rules stand only here.
--
-- 1. An issue enters when it was created (`opened`), or, if it was transferred in, when it arrived
--    (`transferred_in`: the last transferred event), in the state it arrived in. Events before belong elsewhere.
-- 2. Its closed and reopened events follow in order of time. One that does not change the state changes only the
--    reason. A conversion to a discussion closes (`converted`) if a reopening follows it or a snapshot then shows the
--    issue closed; alone it says nothing. A closing takes place at its event's time (1-2 s after closed_at in many
--    rows); only a closing that no event tells takes place at closed_at.
-- 3. Each snapshot is the truth at its moment: the record's updated_at (or closed_at, if later), which any change of
--    state moves. Events belong to the first snapshot whose moment they do not pass; later ones than the newest
--    snapshot wait for the next. A closed event up to 5 s after the closed_at a snapshot shows is that closing.
--    * closed, though the events say open: `converted` at the conversion since, if there is one, else `closed` at
--      closed_at (if null, updated_at).
--    * open, though the events say closed: if the snapshot before saw it closed, `reopened` when first seen open;
--      else the last closing is taken back.
--    * a closed_at that no event tells, though the issue was closed before: it was open again for a time nobody
--      saw. It is `reopened` and closed at closed_at, which leaves the stock as it was.
--    An event list that was cut off needs no rule of its own: the snapshots make good what it lacks.
-- 4. What departed leaves when an event says so, else when it was noticed, and is `returned` when seen again.
--    A departure nobody can explain counts as `deleted`, with the reason `unknown`. No snapshot comes after it:
--    the events that still wait for one (above all those told at the issue's new place) count as they are.
-- 5. Nothing takes effect before the issue entered, nor after its newest record was fetched (clocks differ), or it
--    departed.
-- 6. known_by: `event`; `snapshot` for created_at, and for closed_at where no event of the issue was collected;
--    else `inferred`.
-- A row is kept only if it changes whether the issue is open and present, so rows alternate +1, -1 from +1.
with issue as (
    select
        issue_id, repo_owner, repo_name, issue_number, state, state_reason, closed_at, created_at, updated_at,
        fetched_at, departed_at, author_login, author_id, author_type, closed_by_login
    from issue_current
    semi join ledger_issue using (issue_id)
),

-- The snapshots in order, the newest record last: it may be younger than the sighting that first showed its state.
snapshot as (
    select
        issue_id, 2 * sighting_number as number, state = 'open' as is_open, state_reason, closed_at, seen_at,
        updated_at, greatest(updated_at, coalesce(closed_at, updated_at)) as true_at
    from issue_sighting
    semi join issue using (issue_id)
    where state <> 'departed'
    union all
    select
        issue_id, 9223372036854775805, state = 'open', state_reason, closed_at, fetched_at,
        updated_at, updated_at
    from issue
    union all
    -- A departure shows no state, unless it tells that the issue was closed when it left.
    select
        issue_id, 9223372036854775807, if(told.closed_at is null, null, false), null, told.closed_at,
        issue.departed_at, issue.departed_at, 'infinity'::timestamptz
    from issue
    left join (
        select issue_id, arg_max_null(closed_at, sighting_number) as closed_at
        from issue_sighting
        where state = 'departed'
        group by issue_id
    ) as told using (issue_id)
    where issue.departed_at is not null
),

shown_closing as (
    select issue_id, closed_at, min(number) as number
    from snapshot
    where not is_open and closed_at is not null
    group by issue_id, closed_at
),

-- `shown_at`: the closing that some snapshot shows and this event tells.
event as (
    select
        e.issue_id, e.kind, e.happened_at, e.position, e.actor_login, e.actor_id, e.actor_type, e.state_reason,
        e.from_repository,
        case when e.happened_at <= c.closed_at + interval 5 second then c.closed_at end as shown_at
    from (
        select issue_event.*
        from issue_event
        join issue using (issue_id)
        where from_repository is null or lower(from_repository) <> issue.repo_owner || '/' || issue.repo_name
    ) as e
    asof left join shown_closing as c
        on e.issue_id = c.issue_id
        and e.kind in ('closed', 'converted_to_discussion')
        and e.happened_at >= c.closed_at
),

arrival_event as (
    select *
    from event
    where kind = 'transferred'
    qualify row_number() over (partition by issue_id order by happened_at desc, position desc) = 1
),

-- The state an issue arrived in: what its events of the other repository left it in, but closed if the first
-- snapshot shows a closing from before the arrival that came after them (there are closings without an event) and
-- that no event after the arrival tells: times are whole seconds, and an issue can be closed in that of its arrival.
state_before as (
    select
        e.issue_id, arg_max(e.kind = 'reopened', (e.happened_at, e.position)) as is_open,
        max(e.happened_at) as changed_at
    from event as e
    join arrival_event as a using (issue_id)
    where e.kind in ('closed', 'reopened') and (e.happened_at, e.position) < (a.happened_at, a.position)
    group by e.issue_id
),

closed_here as (
    select distinct e.issue_id, e.shown_at as closed_at
    from event as e
    join arrival_event as a using (issue_id)
    where (e.happened_at, e.position) > (a.happened_at, a.position) and e.shown_at is not null
),

first_seen as (
    select issue_id, state, closed_at
    from issue_sighting
    where state <> 'departed'
    qualify row_number() over (partition by issue_id order by sighting_number) = 1
),

arrival as (
    select
        issue.issue_id,
        a.issue_id is not null as is_transfer,
        least(coalesce(a.happened_at, issue.created_at), issue.fetched_at) as arrived_at,
        coalesce(a.position, 0) as position,
        a.issue_id is null or (
            coalesce(state_before.is_open, true)
            and not coalesce(
                first_seen.state = 'closed'
                and first_seen.closed_at <= a.happened_at
                and closed_here.closed_at is null
                and (state_before.changed_at is null or first_seen.closed_at > state_before.changed_at),
                false
            )
        ) as is_open,
        if(a.issue_id is null, issue.author_login, a.actor_login) as actor_login,
        if(a.issue_id is null, issue.author_id, a.actor_id) as actor_id,
        if(a.issue_id is null, issue.author_type, a.actor_type) as actor_type,
        a.from_repository
    from issue
    left join arrival_event as a using (issue_id)
    left join state_before using (issue_id)
    left join first_seen using (issue_id)
    left join closed_here
        on first_seen.issue_id = closed_here.issue_id and first_seen.closed_at = closed_here.closed_at
),

-- Events after the arrival, and when a snapshot knows of them.
switch as (
    select
        e.issue_id, e.kind, e.happened_at, e.position, e.actor_login, e.actor_id, e.actor_type, e.state_reason,
        -- Whether it switches the state, also unseen by any snapshot.
        e.kind <> 'converted_to_discussion' or coalesce(lead(e.kind) over (
            partition by e.issue_id order by e.happened_at, e.position
        ) = 'reopened', false) as is_switch,
        e.shown_at,
        coalesce(e.shown_at, e.happened_at) as known_at
    from event as e
    join arrival using (issue_id)
    where
        e.kind <> 'transferred'
        and (not arrival.is_transfer or (e.happened_at, e.position) > (arrival.arrived_at, arrival.position))
),

-- A closing that no event tells says that the issue was open just before.
open_before_closing as (
    select c.issue_id, c.number - 1 as number, c.closed_at
    from shown_closing as c
    join arrival using (issue_id)
    anti join switch as e on c.issue_id = e.issue_id and c.closed_at = e.shown_at
    where c.closed_at > arrival.arrived_at
),

dated_snapshot as (
    select
        issue_id, number, is_open, is_told, state_reason, closed_at, seen_at, updated_at,
        max(true_at) over (partition by issue_id order by number) as true_at
    from (
        select issue_id, number, is_open, true as is_told, state_reason, closed_at, seen_at, updated_at, true_at
        from snapshot
        union all
        select issue_id, number, true, false, null, null, closed_at, closed_at, closed_at - interval 1 microsecond
        from open_before_closing
    ) as told
),

-- Events up to `moment` belong to a snapshot. Of several snapshots of one moment the last takes them all.
truth as (
    select
        told.*,
        lag(told.is_open, 1, arrival.is_open) over in_order as was_open,
        if(lead(true_at) over in_order = true_at, null, true_at) as moment
    from (
        select *
        from dated_snapshot
        qualify (is_open, true_at) is distinct from lag((is_open, true_at)) over (
            partition by issue_id order by number
        )
    ) as told
    join arrival using (issue_id)
    window in_order as (partition by told.issue_id order by told.number)
),

assigned as (
    select switch.*, truth.number, truth.was_open as snapshot_was_open,
        coalesce(truth.is_open, false) and truth.is_told as takes_back
    from switch
    asof join truth on switch.issue_id = truth.issue_id and switch.known_at <= truth.moment
),

-- What each event did to the state within its snapshot.
stepped as (
    select
        issue_id, number, kind, kind = 'reopened' as opens, happened_at, position, actor_login, actor_id, actor_type,
        state_reason, takes_back,
        lag(opens, 1, snapshot_was_open) over (
            partition by issue_id, number order by happened_at, position
        ) as was_open,
        opens is distinct from lag(opens) over (
            partition by issue_id order by happened_at, position
        ) as is_turn
    from assigned
    where is_switch
),

stretch as (
    select *, count(*) filter (where is_turn) over (
        partition by issue_id order by happened_at, position rows unbounded preceding
    ) as stretch
    from stepped
),

-- The events that change the state, with the reason their last repetition gave.
change as (
    select *, row_number() over (
        partition by issue_id, number order by happened_at desc, position desc
    ) as from_last
    from (
        select *, last_value(state_reason ignore nulls) over (
            partition by issue_id, stretch order by happened_at, position
            rows between unbounded preceding and unbounded following
        ) as last_reason
        from stretch
    ) as told
    where opens <> was_open
),

last_change as (
    select issue_id, number, opens, happened_at, position
    from change
    where from_last = 1
),

conversion as (
    select a.issue_id, a.number, max((a.happened_at, a.actor_login, a.actor_id, a.actor_type)) as told
    from assigned as a
    left join last_change as l using (issue_id, number)
    where
        a.kind = 'converted_to_discussion'
        and not a.is_switch
        and (l.happened_at is null or (a.happened_at, a.position) > (l.happened_at, l.position))
    group by a.issue_id, a.number
),

correction as (
    select
        truth.issue_id,
        truth.number,
        truth.is_open,
        case
            when truth.is_open then truth.seen_at
            else coalesce(conversion.told[1], truth.closed_at, truth.updated_at)
        end as happened_at,
        case
            when truth.is_open then 'reopened'
            when conversion.told is not null then 'converted'
            else 'closed'
        end as kind,
        case
            when not truth.is_open and conversion.told is not null then 'event'
            when truth.is_open or truth.closed_at is null or truth.issue_id in (select issue_id from event) then 'inferred'
            else 'snapshot'
        end as known_by,
        case
            when conversion.told is not null then conversion.told[2]
            when not truth.is_open and truth.closed_at = issue.closed_at then issue.closed_by_login
        end as actor_login,
        conversion.told[3] as actor_id,
        conversion.told[4] as actor_type,
        if(truth.is_open, null, truth.state_reason) as reason
    from truth
    join issue using (issue_id)
    left join last_change using (issue_id, number)
    left join conversion using (issue_id, number)
    where
        -- The events leave it open, but it is closed; or nothing says why it is open again.
        (coalesce(last_change.opens, truth.was_open) and not truth.is_open)
        or (last_change.opens is null and not truth.was_open and truth.is_open)
        or (not last_change.opens and not truth.is_told)
),

signal as (
    select
        issue_id, 0 as number, 0 as step, arrived_at as happened_at, position, is_open,
        if(is_transfer, 'transferred_in', 'opened') as kind,
        if(is_transfer, 'event', 'snapshot') as known_by,
        actor_login, actor_id, actor_type, from_repository as reason
    from arrival
    union all
    select
        issue_id, number, 1, happened_at, position, opens, replace(kind, '_to_discussion', ''), 'event',
        actor_login, actor_id, actor_type, if(opens, null, last_reason)
    from change
    -- The last closing is taken back where the snapshot shows the issue open.
    where not (from_last = 1 and not opens and takes_back)
    union all
    select
        issue_id, number, 2, happened_at, 0, is_open, kind, known_by, actor_login, actor_id, actor_type, reason
    from correction
),

timed_signal as (
    select
        signal.* exclude (happened_at),
        -- The first signal is the arrival, so nothing comes before it.
        max(least(signal.happened_at, greatest(issue.fetched_at, issue.departed_at))) over (
            partition by signal.issue_id
            order by signal.number, signal.step, signal.happened_at, signal.position
            rows unbounded preceding
        ) as happened_at
    from signal
    join issue using (issue_id)
),

presence as (
    select
        s.issue_id, s.sighting_number, s.state, s.seen_at, s.departure_kind, s.departed_at, s.departed_to,
        lag(s.state) over in_order as previous_state,
        lead(s.state) over in_order as next_state,
        count(*) filter (where s.state <> 'departed') over (in_order rows unbounded preceding) as stay
    from issue_sighting as s
    semi join issue using (issue_id)
    window in_order as (partition by s.issue_id order by s.sighting_number)
),

-- One row a departure, told as its last sighting tells it but noticed at its first, and one a return.
move as (
    select
        issue_id,
        sighting_number,
        state <> 'departed' as is_present,
        if(
            state = 'departed',
            coalesce(departed_at, min(seen_at) over (partition by issue_id, stay, state = 'departed')),
            seen_at
        ) as happened_at,
        case
            when state <> 'departed' then 'returned'
            when departure_kind = 'unknown' then 'deleted'
            else departure_kind
        end as kind,
        if(departed_at is null, 'inferred', 'event') as known_by,
        case when departure_kind = 'unknown' then 'unknown' else departed_to end as reason
    from presence
    qualify
        (state = 'departed' and next_state is distinct from 'departed')
        or (state <> 'departed' and previous_state = 'departed')
),

timed_move as (
    select
        move.* exclude (happened_at),
        max(greatest(move.happened_at, arrival.arrived_at)) over (
            partition by move.issue_id order by sighting_number rows unbounded preceding
        ) as happened_at
    from move
    join arrival using (issue_id)
),

timeline as (
    select
        issue_id, happened_at, if(step = 0, 0, 1) as rank, number, step, position,
        is_open, null::boolean as is_present,
        kind, known_by, actor_login, actor_id, actor_type, reason
    from timed_signal
    union all
    select
        issue_id, happened_at, 2, sighting_number, 0, 0, null, is_present,
        kind, known_by, null, null, null, reason
    from timed_move
),

backlog as (
    select
        *,
        last_value(is_open ignore nulls) over in_order
        and coalesce(last_value(is_present ignore nulls) over in_order, true) as is_in
    from timeline
    window in_order as (
        partition by issue_id order by happened_at, rank, number, step, position rows unbounded preceding
    )
),

transition as (
    select *
    from backlog
    qualify is_in <> lag(is_in, 1, false) over (
        partition by issue_id order by happened_at, rank, number, step, position
    )
)

select
    issue.repo_owner,
    issue.repo_name,
    issue.issue_id,
    issue.issue_number,
    row_number() over (
        partition by issue.issue_id order by happened_at, rank, number, step, position
    ) as transition_number,
    happened_at as transitioned_at,
    kind,
    if(is_in, 1, -1)::bigint as delta,
    actor_login,
    actor_id,
    -- The logins that the watch list calls bots, where it calls any; every reader of the ledger sees them alike.
    if(
        list_contains(coalesce(getvariable('bots')::varchar[], []), lower(actor_login)), 'Bot', actor_type
    ) as actor_type,
    reason,
    known_by
from transition
join issue using (issue_id)
