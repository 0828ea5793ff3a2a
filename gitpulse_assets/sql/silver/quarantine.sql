-- Grain: one unusable record that no later good one replaced: the newest an issue, and each different one without
-- an id. Key: repo_owner, repo_name, stream, run_id, page_number, record_number.
-- Timelines and answers about the repository are replaced in the same way, by a later usable one of the same issue
-- (the same repository). A record without an id cannot be replaced by anything and stays to be looked at.
with bad_event as (
    select record_rowid, max(rule) as rule
    from event_record
    where rule is not null
    group by record_rowid
),

bad as (
    select
        repo_owner, repo_name, run_id, stream, page_number, record_number, fetched_at, issue_id, rule, detail,
        payload_json,
        0 as run_sequence
    from stored_quarantine
    union all
    select
        repo_owner, repo_name, run_id, 'issues', page_number, record_number, fetched_at, issue_id, rule, detail,
        payload_json,
        run_sequence
    from issue_record
    where rule is not null
    union all
    select
        repo_owner, repo_name, run_id, 'issue_timeline', page_number, record_number, fetched_at, issue_id,
        coalesce(bad_event.rule, 'not_a_timeline'),
        case bad_event.rule
            when 'no_id' then 'the event names no known issue'
            when 'bad_event' then 'an event without id or time'
            else 'the payload is neither a timeline nor an event'
        end,
        payload_json,
        run_sequence
    from timeline_record
    left join bad_event on timeline_record.rowid = bad_event.record_rowid
    where not (is_readable or is_unserved) or bad_event.rule is not null
    union all
    select
        repo_owner, repo_name, run_id, 'repository', 0, 0, fetched_at, null, rule,
        'the answer has no id or full_name',
        payload_json,
        run_sequence
    from repository_record
    where rule is not null
),

good as (
    select 'issues' as stream, issue_id, fetched_at, run_sequence, page_number, record_number
    from issue_record
    where rule is null
    union all
    select 'issue_timeline', issue_id, fetched_at, run_sequence, page_number, record_number
    from timeline_record
    anti join bad_event on timeline_record.rowid = bad_event.record_rowid
    where is_readable
    union all
    select 'repository', null, fetched_at, run_sequence, 0, 0
    from repository_record
    where rule is null
),

last_good as (
    select stream, issue_id, max((fetched_at, run_sequence, page_number, record_number)) as place
    from good
    group by stream, issue_id
),

newest as (
    select bad.*
    from bad
    qualify row_number() over (
        partition by bad.stream, coalesce(bad.issue_id::varchar, bad.payload_json)
        order by bad.fetched_at desc, bad.run_sequence desc, bad.page_number desc, bad.record_number desc
    ) = 1
)

select
    repo_owner,
    repo_name,
    run_id,
    newest.stream,
    newest.page_number,
    newest.record_number,
    newest.fetched_at,
    newest.issue_id,
    rule,
    detail,
    payload_json
from newest
left join last_good
    on newest.stream = last_good.stream
    and (newest.issue_id = last_good.issue_id or newest.stream = 'repository')
where
    last_good.place is null
    or (newest.fetched_at, newest.run_sequence, newest.page_number, newest.record_number) > last_good.place
