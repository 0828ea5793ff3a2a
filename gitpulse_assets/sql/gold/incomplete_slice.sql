-- Grain: one kind of thing the history does not know. Key: slice, which completes the sentence "not known: …".
-- A repository of which no lifecycle at all was collected is not listed issue by issue: its history is that of the
-- snapshots only. A lifecycle older than the issue's record lacks what moved the record.
with issue as (
    select issue_id, issue_number, departure_kind, updated_at, is_reason_told
    from issue_current
    where not is_pull_request
),

counted as (
    select
        1 as position,
        count(*) filter (
            where coalesce(lifecycle_coverage.lifecycle_updated_at < issue.updated_at, true)
        ) as issue_count,
        'whose lifecycle is not collected as far as its record' as what
    from issue
    left join lifecycle_coverage using (issue_id)
    having count(lifecycle_coverage.issue_id) > 0
    union all
    select
        2,
        count(*),
        'whose lifecycle GitHub did not give whole'
        || coalesce(
            ': ' || array_to_string(list('#' || issue_number order by issue_number)[:5], ', ')
            || if(count(*) > 5, ', …', ''),
            ''
        )
    from lifecycle_coverage
    left join issue using (issue_id)
    where not is_complete
    union all
    select 3, count(*), 'that departed, nobody knows where to'
    from issue
    where departure_kind = 'unknown'
),

-- What an older server does not know, by its names ($lost maps them to words).
untold as (
    select unnest(left_out) as name
    from lifecycle_coverage
    union all
    select 'state_reason'
    from issue
    where not is_reason_told
),

told as (
    select 0 as position, count(*) as issue_count, $snapshot_only::varchar as slice
    from issue
    having count(*) > 0 and not exists (from lifecycle_coverage)
    union all
    select position, issue_count, issue_count || if(issue_count = 1, ' issue ', ' issues ') || what
    from counted
    where issue_count > 0
    union all
    -- What the check of the control total reports: a run that sees such a difference first walks the whole list.
    select
        4,
        abs(difference),
        format(
            'why GitHub counts {:,} open {} and {} {:,}',
            open_count_after,
            if(has_pull_requests, 'issues and pull requests', 'issues'),
            if(is_known, 'its lists, each time they are walked whole,', 'we, also after walking its whole lists,'),
            merged_count
        )
    from counted_total
    where is_contradicted or is_known
    union all
    select
        5,
        abs(missing_count),
        if(missing_what like '%short of', 'up to ', '') || missing_what
        || if(is_known_missing, ', walk after walk', '')
    from counted_total
    where missing_what is not null
    union all
    select 6, count(*), count(*) || if(count(*) = 1, ' record that', ' records that') || ' could not be read (see quarantine)'
    from quarantine
    having count(*) > 0
    union all
    select
        7,
        count(*),
        count(*) || if(count(*) = 1, ' issue', ' issues') || ' of which the server is too old to tell '
        || coalesce(cast($lost as map(varchar, varchar))[name], name)
    from untold
    group by name
)

select issue_count, slice
from told
order by position, slice
