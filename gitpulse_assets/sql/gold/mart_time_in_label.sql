-- Grain: one issue or pull request and label it has or had. Key: repo_owner, repo_name, issue_number, label_id.
-- Departed threads stay: their spans ended when they left. Spans still on are counted to the as-of moment.
select
    repo_owner,
    repo_name,
    thread_number as issue_number,
    bool_or(is_pull_request) as is_pull_request,
    label_id,
    arg_max(label_name, span_number) as label_name,
    min(from_at) as first_entered_at,
    max(from_at) as last_entered_at,
    count(*) as times_entered,
    sum(
        greatest(epoch_us(least(to_at, $as_of_at::timestamptz)) - epoch_us(from_at), 0) // 1000000
    )::bigint as total_seconds,
    bool_or(to_at is null) as is_in_label
from label_span
group by repo_owner, repo_name, thread_number, label_id
