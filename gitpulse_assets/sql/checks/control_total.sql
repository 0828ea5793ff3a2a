-- Proves our open count, as merged, against GitHub's own, taken before and after the walk: they must be equal when
-- both of GitHub's agree and nothing was updated between them. Otherwise the difference is shown with its reason.
-- GitHub's count without a token includes open pull requests, and so does ours then. A count is held against no
-- records that came after it. A difference with which two full walks ended, each to the list's end, is GitHub's own
-- (it counts what it hides from its lists): a warning. So is what its lists lack of all issues, open and closed, or
-- pages of them were short of. One row, or none before the first walk.
with merged as (
    select
        count(*) filter (where is_open and not is_pull_request) as issue_count,
        count(*) filter (where is_open) as issue_and_pull_request_count,
        max(fetched_at) as newest_record_at
    from (
        select state = 'open' and departed_at is null as is_open, is_pull_request, fetched_at
        from issue_current
    ) as issue
),

newest as (
    select
        fetched_at as counted_at, open_count_before, open_count_after, has_pull_requests, is_quiet,
        if(is_known_difference, our_count - open_count_after, 0) as known_difference,
        issue_count_after, lacked_count, coalesce(missing_count, 0) as missing_count,
        coalesce(is_known_missing, false) as is_known_missing
    from control_total
    order by fetched_at desc
    limit 1
),

compared as (
    select
        if(has_pull_requests, issue_and_pull_request_count, issue_count) as merged_count,
        open_count_before,
        open_count_after,
        has_pull_requests,
        is_quiet,
        coalesce(known_difference, 0) as known_difference,
        issue_count_after,
        lacked_count,
        missing_count,
        is_known_missing,
        case
            when missing_count = 0 then null
            when missing_count > 0 and (lacked_count > 0 or issue_count_after is null)
                then format('{:,}', missing_count) || if(missing_count = 1, ' record', ' records')
                    || ' that pages of GitHub''s lists were short of'
            when missing_count > 0
                then format('{:,} of {:,} open and closed issues, which its lists lack', missing_count, issue_count_after)
            else format('{:,} open and closed issues that its lists hold and it does not count', -missing_count)
        end as missing_what,
        coalesce(newest_record_at > counted_at, false) as is_older
    from newest
    cross join merged
)

select
    merged_count,
    open_count_before,
    open_count_after,
    has_pull_requests,
    known_difference,
    merged_count - open_count_after as difference,
    case
        when difference = 0 then 'equal'
        when is_older then 'GitHub was counted before the newest records came'
        when open_count_before <> open_count_after then 'GitHub''s count changed during the walk'
        when not is_quiet then 'something was updated during the walk'
        when difference = known_difference
            then format('known difference: GitHub counts {:+} to what its whole lists hold', -difference)
        else 'GitHub at rest counts otherwise'
    end as reason,
    reason = 'GitHub at rest counts otherwise' as is_contradicted,
    reason like 'known difference%' as is_known,
    issue_count_after,
    lacked_count,
    missing_count,
    missing_what,
    is_known_missing
from compared
