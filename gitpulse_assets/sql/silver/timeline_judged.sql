-- Grain: one received record of bronze_issue_timeline that is good or bad: `rule` names what makes it unusable, null
-- where every event of it can be used. One for which GitHub served no timeline is neither.
with bad_event as (
    select record_rowid, max(rule) as rule
    from event_record
    where rule is not null
    group by record_rowid
),

judged as (
    select
        timeline_record.*,
        coalesce(bad_event.rule, if(is_readable, null, 'not_a_timeline')) as rule
    from timeline_record
    left join bad_event on timeline_record.rowid = bad_event.record_rowid
    where not is_unserved or bad_event.rule is not null
)

select
    repo_owner, repo_name, run_id, run_sequence, page_number, record_number, fetched_at, issue_id, rule,
    case rule
        when 'no_id' then 'the event names no known issue'
        when 'bad_event' then 'an event without id or time'
        when 'not_a_timeline' then 'the payload is neither a timeline nor an event'
    end as detail,
    payload_json
from judged
