-- Grain: one row per issue that has the label now; (no label) names those without one. Key: issue_id.
select *
from all_lifecycle
where list_contains(if(len(label_names) = 0, ['(no label)'], label_names), $label::varchar)
