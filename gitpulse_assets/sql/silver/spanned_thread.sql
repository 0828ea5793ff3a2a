-- Grain: one thread whose spans are made anew: a changed one, or one that had a label which is renamed since.
select issue_id
from changed_thread
union
select span.issue_id
from stored_label_span as span
join label_now using (label_id)
where span.label_name is distinct from label_now.label_name
