-- Grain: one human who acted in the repository, deleted accounts together one. Key: repo_owner, repo_name, person_id.
-- Acts are openings and words. Reviews of one's own pull requests are no reviews (answering a comment on one makes
-- one). Whether someone is a maintainer now is judged at the as-of moment, by the association of the latest act.
with member as (
    select user_id
    from organization_member
    where
        coalesce(from_date <= make_timestamp(epoch_us($as_of_at::timestamptz))::date, true)
        and coalesce(to_date > make_timestamp(epoch_us($as_of_at::timestamptz))::date, true)
),

latest as (
    select person_id, acted_at, association
    from conversation_act
    where is_human
    qualify acted_at = max(acted_at) over (partition by person_id)
),

maintainer as (
    select person_id
    from latest
    where
        association in ('OWNER', 'COLLABORATOR')
        or if(
            exists (select 1 from organization_look where is_taken and looked_at <= $as_of_at::timestamptz),
            person_id <> 0 and person_id in (select user_id from member),
            association = 'MEMBER'
        )
)

select
    act.repo_owner,
    act.repo_name,
    act.person_id,
    act.person_login,
    min(act.acted_at) as first_act_at,
    max(act.acted_at) as last_act_at,
    count(*) filter (where act.act_kind = 'opening' and not act.is_pull_request) as issues_opened,
    count(*) filter (where act.act_kind = 'opening' and act.is_pull_request) as pull_requests_opened,
    count(*) filter (where act.act_kind = 'opening' and lifecycle.merged_at is not null) as pull_requests_merged,
    count(*) filter (where act.act_kind = 'review' and not act.is_authors) as review_count,
    count(*) filter (where act.act_kind in ('comment', 'review_comment')) as comment_count,
    act.person_id in (select person_id from maintainer) as is_maintainer
from conversation_act as act
left join mart_pull_request_lifecycle as lifecycle on lifecycle.pull_request_number = act.thread_number
where act.is_human
group by act.repo_owner, act.repo_name, act.person_id, act.person_login
