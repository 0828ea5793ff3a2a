-- Grain: one row per issue open at the as-of moment. Key: issue_id.
select issue_id
from lifecycle
where is_open
