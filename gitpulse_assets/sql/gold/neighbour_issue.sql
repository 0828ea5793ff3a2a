-- Grain: one issue of another watched repository that may be the other side of a transfer: it departed to
-- somewhere, or it bears the number that an issue of ours went to. $names: what that repository is or was called.
select
    issue.repo_owner || '/' || issue.repo_name as repository,
    $names::varchar[] as names,
    issue.issue_id,
    issue.issue_number,
    issue.state,
    issue.departed_at,
    lower(issue.departed_to) as departed_to,
    issue.fetched_at,
    coalesce(labels.label_names, []) as label_names
from other_issue_current as issue
left join (
    select issue_id, list_sort(list(distinct label_name)) as label_names
    from other_issue_labels
    group by issue_id
) as labels using (issue_id)
where
    issue.departed_to is not null
    or issue.issue_number in (
        select other_issue_number
        from transfer_movement
        where other_issue_number is not null and list_contains($names::varchar[], other_repository)
    )
