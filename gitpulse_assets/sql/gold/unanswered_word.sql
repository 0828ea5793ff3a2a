-- Grain: one human's word, openings among them, in an open thread, by who is no maintainer. Relation, not published:
-- whom one owes an answer is read off it. A word in the same second as a maintainer's last is answered: which came
-- first is not known.
-- Twice, since the opening is a word where a thread waits for its first answer, and none where a label asks for one.
select
    act.thread_number,
    act.act_kind,
    act.acted_at,
    coalesce(act.acted_at <= max(act.acted_at) filter (where act.is_maintainer) over thread_acts, false) as is_answered,
    coalesce(
        act.acted_at <= max(act.acted_at)
            filter (where act.is_maintainer and act.act_kind <> 'opening') over thread_acts,
        false
    ) as is_answered_in_words
from conversation_act as act
join issue_current as thread on thread.issue_number = act.thread_number
where thread.state = 'open' and act.is_human
window thread_acts as (partition by act.thread_number)
qualify not act.is_maintainer
