-- Grain: one open issue or pull request that carries a waiting label and was answered to it. Key: repo_owner,
-- repo_name, issue_number. The opening is no word here: there must be one at or after the earliest waiting label still
-- on. Which labels those are, by their names as they are now, is decided by the watch list's patterns.
with labelled as (
    select thread_number, min(from_at) as labelled_at
    from label_span
    where to_at is null and list_contains($waiting_labels::varchar[], label_name)
    group by thread_number
)

select
    thread.repo_owner,
    thread.repo_name,
    thread.issue_number,
    any_value(thread.is_pull_request) as is_pull_request,
    any_value(thread.title) as title,
    min(word.acted_at) as waiting_since,
    greatest(epoch_us($as_of_at::timestamptz) - epoch_us(waiting_since), 0) / 86400000000.0::double as waiting_days
from unanswered_word as word
join labelled on labelled.thread_number = word.thread_number
join issue_current as thread on thread.issue_number = word.thread_number
where word.act_kind <> 'opening' and not word.is_answered_in_words and word.acted_at >= labelled.labelled_at
group by thread.repo_owner, thread.repo_name, thread.issue_number
