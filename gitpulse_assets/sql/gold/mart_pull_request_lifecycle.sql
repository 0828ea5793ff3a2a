-- Grain: one row per pull request that is here. Key: repo_owner, repo_name, pull_request_number.
-- What came in while the walk was running counts; only durations end at the as-of moment.
-- Who merged, who reviewed and what was reopened is told by conversations: null where none was asked for.
with words as (
    select
        act.thread_number as pull_request_number,
        min(acted_at) filter (where is_human and acted_at >= pr.created_at) as first_response_at,
        min(acted_at) filter (where is_maintainer and acted_at >= pr.created_at) as first_maintainer_response_at,
        min(acted_at) filter (where is_human and act_kind = 'review' and acted_at >= pr.created_at)
            as first_review_at,
        min(acted_at) filter (
            where is_human and review_state = 'APPROVED' and acted_at <= pr.merged_at
                and coalesce(dismissed_at > pr.merged_at, true)
        ) as approved_at,
        min(acted_at) filter (where not is_human and acted_at >= pr.created_at) as first_bot_response_at,
        count(*) filter (where is_human and act_kind = 'review') as review_count,
        list_sort(list(distinct person_login) filter (where is_human and act_kind = 'review')) as reviewer_logins
    from conversation_act as act
    join present_pull_request as pr on pr.pull_request_number = act.thread_number
    where act_kind <> 'opening' and not is_authors
    group by act.thread_number
),

person as (
    select distinct person_id, person_login
    from conversation_act
),

steps as (
    select
        pull_request_number,
        max(stepped_at) filter (where kind = 'ready_for_review') as last_ready_at,
        count(*) filter (where kind = 'reopened' and delta = 1) as times_reopened,
        coalesce(arg_max(is_by_commit, step_number) filter (where kind = 'closed' and delta = -1), false)
            as is_by_commit,
        (sum(delta) * epoch_us($as_of_at::timestamptz)
            - sum(delta * least(epoch_us(stepped_at), epoch_us($as_of_at::timestamptz)))) // 1000000 as open_seconds
    from pull_request_step
    group by pull_request_number
)

select
    pr.repo_owner,
    pr.repo_name,
    pr.pull_request_number,
    pr.title,
    pr.state,
    opening.person_login as author_login,
    pr.is_draft,
    pr.created_at,
    case when pr.is_draft is distinct from true then coalesce(steps.last_ready_at, pr.created_at) end as ready_at,
    words.first_response_at,
    words.first_maintainer_response_at,
    words.first_review_at,
    words.approved_at,
    pr.merged_at,
    pr.closed_at,
    case when pr.merged_at is not null then coalesce(merger.person_login, pr.merged_by_login) end as merged_by_login,
    coalesce(words.review_count, 0)::bigint as review_count,
    coalesce(words.reviewer_logins, []::varchar[]) as reviewer_logins,
    pr.comment_count,
    if(told.issue_id is null, null, steps.times_reopened::bigint) as times_reopened,
    case when pr.merged_at is not null and told.issue_id is not null
        then coalesce(opening.person_id <> 0 and pr.merged_by_id = opening.person_id, false)
    end as is_self_merged,
    case when pr.merged_at is not null and told.issue_id is not null
        then coalesce(words.first_review_at > pr.merged_at, true)
    end as is_merged_without_review,
    ((epoch_us(words.first_response_at) - epoch_us(pr.created_at)) // 1000000)::bigint as time_to_first_response_seconds,
    case when pr.merged_at > words.first_review_at
        then ((epoch_us(pr.merged_at) - epoch_us(words.first_review_at)) // 1000000)::bigint
    end as review_seconds,
    words.first_bot_response_at,
    pr.state = 'closed' and steps.is_by_commit as is_closed_by_commit,
    steps.open_seconds::bigint as open_seconds
from present_pull_request as pr
join conversation_act as opening
    on opening.thread_number = pr.pull_request_number and opening.act_kind = 'opening'
join steps on steps.pull_request_number = pr.pull_request_number
left join conversation_thread as told on told.issue_id = pr.issue_id
left join person as merger on merger.person_id = pr.merged_by_id
left join words on words.pull_request_number = pr.pull_request_number
