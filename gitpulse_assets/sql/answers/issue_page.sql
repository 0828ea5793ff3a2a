-- Grain: one row per issue of the page, in the order asked for; equal ones by issue_id. Key: issue_id.
with page as (
    select issue_id, row_number() over (order by sort_key, issue_id) as position
    from issue_match
    qualify position > $offset::bigint and position <= $offset::bigint + $limit::bigint
)

select
    issue_number,
    title,
    case when departed_at is not null then 'departed' else state end as state,
    state_reason,
    author_login,
    label_names,
    assignee_logins,
    comment_count,
    created_at,
    updated_at,
    closed_at,
    closure_age_days,
    if(is_open, (epoch_us($as_of_at::timestamptz) - epoch_us(created_at)) / 86400000000.0::double, null)
        as open_age_days,
    times_reopened,
    departed_at,
    departure_kind,
    departed_to,
    html_url
from lifecycle
join page using (issue_id)
order by page.position
