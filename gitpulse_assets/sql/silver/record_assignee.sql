-- Grain: one assignee of one record that won. Key: record_rowid, user_id.
-- A user without an id gets a negative one from the lower-case login, made as for labels.
with received as (
    select
        r.rowid as record_rowid,
        json_transform(unnest(r.assignees), '{"id":"BIGINT","login":"VARCHAR","type":"VARCHAR"}') as assignee
    from issue_record as r
    semi join issue_winner as w on r.rowid = w.record_rowid
    where len(r.assignees) > 0
)

select
    record_rowid,
    coalesce(
        assignee.id, -1 - ('0x' || left(md5(lower(coalesce(assignee.login, ''))), 15))::bigint
    ) as user_id,
    min(assignee.login) as user_login,
    min(assignee.type) as user_type
from received
group by all
