-- Grain: one row. How many records of the merge were not known before, and how many were but with another
-- updated_at. Read after the merge; records fetched again in the watermark's overlap are no news.
select
    count(*) filter (where stored.issue_id is null) as new_count,
    count(*) filter (where stored.updated_at <> delta.updated_at) as changed_count
from issue_current_delta as delta
left join stored_issue_current as stored using (issue_id)
