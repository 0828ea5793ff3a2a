-- Grain: one complete full walk. Key: repo_owner, repo_name, run_id.
-- The counts are taken once, in the merge that takes the walk in: later the rows it corrected are gone.
with counted as (
    select
        walk_run_id as run_id,
        count(*) filter (has_label_change or has_login_change or has_state_change or has_other_change)
            as silent_change_count,
        count(*) filter (has_label_change) as label_change_count,
        count(*) filter (has_login_change) as login_change_count,
        count(*) filter (has_state_change) as state_change_count,
        count(*) filter (has_other_change) as other_change_count,
        count(*) filter (is_overlooked) as overlooked_count,
        count(*) filter (departure_kind = 'deleted') as deleted_count,
        count(*) filter (departure_kind = 'transferred_out') as transferred_out_count,
        count(*) filter (departure_kind = 'converted') as converted_count,
        count(*) filter (departure_kind = 'unknown') as unknown_count,
        count(*) filter (is_returned) as returned_count
    from repair
    group by walk_run_id
),

walk as (
    select
        repo_owner, repo_name, walk_run_ids[1] as run_id, since, finished_at, page_count, unchanged_page_count
    from bronze_reconciliation
    qualify row_number() over (partition by walk_run_ids[1] order by fetched_at desc) = 1
)

select
    repo_owner, repo_name, run_id, since, finished_at, page_count, unchanged_page_count,
    silent_change_count, label_change_count, login_change_count, state_change_count, other_change_count,
    overlooked_count, deleted_count, transferred_out_count, converted_count, unknown_count, returned_count
from stored_reconciliation
union all
select
    walk.repo_owner,
    walk.repo_name,
    walk.run_id,
    walk.since,
    walk.finished_at,
    walk.page_count,
    walk.unchanged_page_count,
    coalesce(counted.silent_change_count, 0) as silent_change_count,
    coalesce(counted.label_change_count, 0) as label_change_count,
    coalesce(counted.login_change_count, 0) as login_change_count,
    coalesce(counted.state_change_count, 0) as state_change_count,
    coalesce(counted.other_change_count, 0) as other_change_count,
    coalesce(counted.overlooked_count, 0) as overlooked_count,
    coalesce(counted.deleted_count, 0) as deleted_count,
    coalesce(counted.transferred_out_count, 0) as transferred_out_count,
    coalesce(counted.converted_count, 0) as converted_count,
    coalesce(counted.unknown_count, 0) as unknown_count,
    coalesce(counted.returned_count, 0) as returned_count
from walk
left join counted using (run_id)
anti join stored_reconciliation as stored on stored.run_id = walk.run_id
