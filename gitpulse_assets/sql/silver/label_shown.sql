-- Grain: one label. Key: repo_owner, repo_name, label_id. What it was called by the newest record that showed it, also
-- where none does now: a label that is renamed and then deleted leaves its last name nowhere else.
with spelled as (
    select
        repo_owner, repo_name, issue_id, fetched_at as shown_at, unnest(labels) as label,
        (fetched_at, run_sequence, page_number, record_number) as place
    from issue_record
    where rule is null
),

shown as (
    select spelled.* exclude (label), label_text.label_id, label_text.label_name
    from spelled
    join label_text using (label)
    union all
    select
        repo_owner, repo_name, issue_id, shown_at, (shown_at, -1::bigint, 0::bigint, 0::bigint), label_id, label_name
    from stored_label_shown
)

select repo_owner, repo_name, label_id, label_name, issue_id, shown_at
from shown
qualify row_number() over (partition by label_id order by place desc, label_name) = 1
