-- Proves that a label is on a thread once at a time. Broken rows: spans that begin before the one before has ended.
select repo_owner, repo_name, issue_id, label_id, span_number, from_at, previous_to_at
from (
    select
        *,
        lag(coalesce(to_at, timestamptz '9999-12-31')) over (
            partition by repo_owner, repo_name, issue_id, label_id order by span_number
        ) as previous_to_at
    from label_span
) as span
where from_at < previous_to_at
