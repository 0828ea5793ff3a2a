-- One row an open issue that nobody has, with its place in the queue: most discussed first, then oldest.
select
    repo_owner,
    repo_name,
    row_number() over (
        partition by repo_owner, repo_name order by comment_count desc, created_at, issue_id
    ) as place,
    issue_id,
    issue_number,
    title,
    label_group,
    comment_count,
    created_at,
    html_url
from {{ source('gold', 'mart_issue_lifecycle') }}
where is_open and len(assignee_logins) = 0
