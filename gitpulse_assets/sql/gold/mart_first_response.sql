-- Grain: one row per issue that is here. Key: repo_owner, repo_name, issue_number.
-- Only words answer. An issue that arrived has its old created_at and the words of its old home.
with words as (
    select
        act.thread_number as issue_number,
        min(acted_at) filter (where is_human) as first_response_at,
        min(acted_at) filter (where is_maintainer) as first_maintainer_response_at
    from conversation_act as act
    join issue_current as issue on issue.issue_number = act.thread_number
    where act_kind <> 'opening' and not is_authors and acted_at >= issue.created_at
    group by act.thread_number
)

select
    issue.repo_owner,
    issue.repo_name,
    issue.issue_number,
    issue.title,
    issue.state,
    issue.created_at,
    issue.closed_at,
    words.first_response_at,
    words.first_maintainer_response_at,
    ((epoch_us(words.first_response_at) - epoch_us(issue.created_at)) // 1000000)::bigint
        as time_to_first_response_seconds,
    words.first_response_at is null as is_censored,
    -- GitHub closes now and then without saying when: an answer counts then, whenever it came.
    issue.state = 'closed'
        and (words.first_response_at is null or coalesce(words.first_response_at > issue.closed_at, false))
        as is_closed_without_response
from issue_current as issue
left join words using (issue_number)
where not issue.is_pull_request and issue.departed_at is null
