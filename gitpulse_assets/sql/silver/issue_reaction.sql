-- Grain: one issue or pull request. Key: repo_owner, repo_name, issue_id. Here: of the records that won.
with winning as (
    select r.repo_owner, r.repo_name, r.issue_id, json_extract(b.payload_json, '$.reactions') as reactions, r.fetched_at
    from issue_record as r
    semi join issue_winner as w on r.rowid = w.record_rowid
    join bronze_issues as b using (run_id, page_number, record_number)
    -- A mended lake may hold a record twice: in the batch of its run and in the one it was folded into.
    qualify row_number() over (partition by r.issue_id) = 1
)

select
    repo_owner,
    repo_name,
    issue_id,
    try_cast(reactions ->> '$.total_count' as bigint) as reaction_count,
    try_cast(reactions ->> '$."+1"' as bigint) as reaction_plus_1_count,
    try_cast(reactions ->> '$."-1"' as bigint) as reaction_minus_1_count,
    try_cast(reactions ->> '$."laugh"' as bigint) as reaction_laugh_count,
    try_cast(reactions ->> '$."hooray"' as bigint) as reaction_hooray_count,
    try_cast(reactions ->> '$."confused"' as bigint) as reaction_confused_count,
    try_cast(reactions ->> '$."heart"' as bigint) as reaction_heart_count,
    try_cast(reactions ->> '$."rocket"' as bigint) as reaction_rocket_count,
    try_cast(reactions ->> '$."eyes"' as bigint) as reaction_eyes_count,
    fetched_at
from winning
