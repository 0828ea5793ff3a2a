-- Grain: one open thread, or closed issue, of which outsiders speak. Relation, not published: what is trending is
-- picked from it. Outsiders are humans who are no maintainers; the 7 and 14 days of 24 hours end at the as-of moment,
-- which belongs to them as their first moment does not.
select
    thread.repo_owner,
    thread.repo_name,
    thread.issue_number as thread_number,
    thread.is_pull_request,
    thread.title,
    thread.state,
    thread.closed_at,
    count(*) filter (where act.act_kind = 'comment') as comment_count,
    count(distinct act.person_id) filter (where act.act_kind = 'comment') as commenter_count,
    max(act.acted_at) filter (where act.act_kind = 'comment') as last_comment_at,
    count(*) as word_count,
    count(distinct act.person_id) as people_count,
    max(act.acted_at) as last_word_at,
    coalesce(any_value(reaction.reaction_count), 0)::bigint as reaction_count,
    coalesce(any_value(reaction.reaction_plus_1_count), 0)::bigint as reaction_plus_1_count,
    coalesce(any_value(reaction.reaction_minus_1_count), 0)::bigint as reaction_minus_1_count,
    coalesce(any_value(reaction.reaction_laugh_count), 0)::bigint as reaction_laugh_count,
    coalesce(any_value(reaction.reaction_hooray_count), 0)::bigint as reaction_hooray_count,
    coalesce(any_value(reaction.reaction_confused_count), 0)::bigint as reaction_confused_count,
    coalesce(any_value(reaction.reaction_heart_count), 0)::bigint as reaction_heart_count,
    coalesce(any_value(reaction.reaction_rocket_count), 0)::bigint as reaction_rocket_count,
    coalesce(any_value(reaction.reaction_eyes_count), 0)::bigint as reaction_eyes_count
from conversation_act as act
join issue_current as thread on thread.issue_number = act.thread_number
left join issue_reaction as reaction on reaction.issue_id = thread.issue_id
where
    act.act_kind <> 'opening'
    and act.is_human
    and not act.is_maintainer
    and act.acted_at <= $as_of_at::timestamptz
    and case
        when thread.state = 'open' then act.acted_at > $as_of_at::timestamptz - interval 168 hours
        else act.acted_at > $as_of_at::timestamptz - interval 336 hours and act.acted_at > thread.closed_at
    end
group by all
