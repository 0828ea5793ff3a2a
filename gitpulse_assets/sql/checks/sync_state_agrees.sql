-- Proves that how far we say we are is how far we are: each stream's state is that of a complete walk of the
-- manifest, and the snapshot holds nothing fetched by a run the manifest does not know. Of runs that were folded since
-- it holds no names any more; what came before the end of the last of them was proved when it was merged.
-- Broken rows: the states without such a walk, and the runs behind records that nobody registered.
select stream, last_merged_run_id as run_id, 'no complete walk of the manifest' as problem
from sync_state
anti join (select * from manifest where status = 'complete') as walk
    on
        walk.stream = sync_state.stream
        and walk.run_id = sync_state.last_merged_run_id
        and walk.as_of_at = sync_state.as_of_at
union all
select distinct 'issues', run_id, 'records of a run that is not in the manifest'
from issue_current
anti join manifest on manifest.run_id = issue_current.run_id and manifest.stream = 'issues'
where fetched_at > coalesce(
    (select max(finished_at) from manifest where stream = 'issues' and status = 'folded'), '-infinity'::timestamptz
)
