-- Grain: one row per stream. Key: repo_owner, repo_name, stream.
-- The newest complete walk all of whose batches are merged: a walk that another run completed after the merge
-- began is not in silver yet and must not move the watermark past what it found.
-- The watermark lies some minutes ($overlap_minutes, 10 unless the watch list says otherwise) before the walk's
-- start, because GitHub's replicas lag and a change made while the walk started may carry an earlier updated_at;
-- what is fetched twice is merged once.
with complete as (
    select manifest.*
    from manifest
    left join merged_batch using (stream, run_id)
    where
        manifest.status = 'complete'
        and manifest.batch_count <= coalesce(merged_batch.merged_count, 0)
)

select
    repo_owner,
    repo_name,
    stream,
    as_of_at - to_minutes($overlap_minutes::bigint) as watermark,
    as_of_at,
    etag,
    run_id as last_merged_run_id,
    walk_kind,
    finished_at,
    record_count
from complete
qualify row_number() over (partition by repo_owner, repo_name, stream order by as_of_at desc, sequence desc) = 1
