-- Grain: one label as records spell it. Key: label. Which label it is, and what it is called there; without an id it is
-- told by its name, as in issue_labels.
select
    label,
    coalesce(label ->> '$.name', label ->> '$') as label_name,
    coalesce(
        try_cast(label ->> '$.id' as bigint), -1 - ('0x' || left(md5(lower(label_name)), 15))::bigint
    ) as label_id
from (select distinct unnest(labels) as label from issue_record where rule is null) as spelled
