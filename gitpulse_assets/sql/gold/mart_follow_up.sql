-- Grain: one open issue or pull request, no draft, whose people wait for a maintainer. Key: repo_owner, repo_name,
-- issue_number. A pull request waits from when it was ready at the earliest. Business days are days of the time zone
-- the watch list names, Monday to Friday and no holiday, after the day the waiting began and up to the as-of day.
with waiting as (
    select thread_number, min(acted_at) as word_at
    from unanswered_word
    where not is_answered
    group by thread_number
),

thread as (
    select
        issue.repo_owner,
        issue.repo_name,
        issue.issue_number,
        issue.is_pull_request,
        issue.title,
        greatest(waiting.word_at, lifecycle.ready_at) as waiting_since,
        timezone($time_zone, greatest(waiting.word_at, lifecycle.ready_at))::date as waiting_date,
        timezone($time_zone, $as_of_at::timestamptz)::date as as_of_date
    from waiting
    join issue_current as issue on issue.issue_number = waiting.thread_number
    left join mart_pull_request_lifecycle as lifecycle on lifecycle.pull_request_number = issue.issue_number
    where lifecycle.is_draft is distinct from true
),

calendar as (
    select unnest(generate_series(min(waiting_date)::timestamp, max(as_of_date)::timestamp, interval 1 day))::date as day
    from thread
),

business_day as (
    select
        day,
        sum((isodow(day) < 6 and not list_contains($holidays::date[], day))::int) over (order by day) as business_day_num
    from calendar
),

waited as (
    select
        thread.repo_owner,
        thread.repo_name,
        thread.issue_number,
        thread.is_pull_request,
        thread.title,
        thread.waiting_since,
        coalesce(today.business_day_num - first.business_day_num, 0)::bigint as business_days_waiting
    from thread
    left join business_day as today on today.day = thread.as_of_date
    left join business_day as first on first.day = thread.waiting_date and thread.waiting_date < thread.as_of_date
)

select
    repo_owner,
    repo_name,
    issue_number,
    is_pull_request,
    title,
    waiting_since,
    business_days_waiting,
    business_days_waiting > $response_days as is_overdue
from waited
