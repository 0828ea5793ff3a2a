-- Grain: one issue or pull request, also one that left. Key: thread_number. What lists of threads say beside their
-- marts: who has to do with it, and which labels it has, by the names that label_name has of them. People go by the
-- newest login, as in the marts: a thread that was not told again since somebody was renamed has the former one.
with label as (
    select issue_id, list_sort(list(distinct label_name.label_name)) as label_names
    from issue_labels
    join label_name using (label_id)
    group by issue_id
),

assignee as (
    select issue_id, list_sort(list(coalesce(person.person_login, assigned.user_login))) as assignee_logins
    from issue_assignees as assigned
    left join mart_contributor as person on person.person_id = assigned.user_id
    where assigned.user_login is not null
    group by issue_id
),

said as (
    select
        issue.issue_number as thread_number,
        issue.is_pull_request,
        coalesce(author.person_login, issue.author_login, 'ghost') as author_login,
        coalesce(label.label_names, []) as label_names,
        coalesce(assignee.assignee_logins, []) as assignee_logins,
        pull_request.requested_reviewer_logins,
        issue.html_url
    from issue_current as issue
    left join label using (issue_id)
    left join assignee using (issue_id)
    left join pull_request_current as pull_request using (issue_id)
    left join mart_contributor as author on author.person_id = issue.author_id
)

select
    *,
    if(len(label_names) = 0, ['(no label)'], label_names) as filed_under,
    list_transform(
        list_concat([author_login], assignee_logins, coalesce(requested_reviewer_logins, [])),
        lambda login: lower(login)
    ) as people
from said
