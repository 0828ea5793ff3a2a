-- Grain: one issue and label. Key: repo_owner, repo_name, issue_id, label_id. Here: of the records that won.
-- A label may come as an object, as an object without an id, as a bare name (old records), and twice. One without
-- an id gets -1 - the first 60 bits of the MD5 of its lower-case name: the same label is the same row again, and no
-- id of GitHub's is negative. Within an issue a name stands once, and the real id wins.
with received as (
    select
        r.repo_owner, r.repo_name, r.issue_id, r.issue_number,
        unnest(r.labels) as label,
        generate_subscripts(r.labels, 1) as place
    from issue_record as r
    semi join issue_winner as w on r.rowid = w.record_rowid
    where len(r.labels) > 0
),

parsed as (
    select
        * exclude (label),
        if(
            starts_with(label, '"'),
            {id: null::bigint, name: label ->> '$', color: null::varchar, description: null::varchar, "default": null::boolean},
            json_transform(
                label,
                '{"id":"BIGINT","name":"VARCHAR","color":"VARCHAR","description":"VARCHAR","default":"BOOLEAN"}'
            )
        ) as label
    from received
),

identified as (
    select
        *,
        coalesce(label.id, -1 - ('0x' || left(md5(lower(label.name)), 15))::bigint) as label_id
    from parsed
    qualify row_number() over (
        partition by issue_id, lower(label.name) order by (label.id is null), place
    ) = 1
)

select
    repo_owner,
    repo_name,
    issue_id,
    issue_number,
    label_id,
    label.name as label_name,
    label.color as label_color,
    label.description as label_description,
    label."default" as is_default
from identified
qualify row_number() over (partition by issue_id, label_id order by place) = 1
