-- Grain: one thread and one thing it waits for (response, review, merge). Relation, not published: the monthly
-- medians of issues and pull requests are made from it.
-- What did not come is "longer than this": seen until the thread was closed, else until the as-of moment.
select
    'issue_response' as waited_for,
    date_trunc('month', make_timestamp(epoch_us(created_at)))::date as month,
    coalesce(
        time_to_first_response_seconds,
        greatest(least(epoch_us(closed_at), epoch_us($as_of_at::timestamptz)) - epoch_us(created_at), 0) // 1000000
    ) as seconds,
    not is_censored as has_come
from mart_first_response
union all
select
    waited_for,
    date_trunc('month', make_timestamp(epoch_us(created_at)))::date,
    coalesce(
        epoch_us(came_at) - epoch_us(created_at),
        greatest(least(epoch_us(closed_at), epoch_us($as_of_at::timestamptz)) - epoch_us(created_at), 0)
    ) // 1000000,
    came_at is not null
from (
    select created_at, closed_at,
        unnest(['response', 'review', 'merge']) as waited_for,
        unnest([first_response_at, first_review_at, merged_at]) as came_at
    from mart_pull_request_lifecycle
)
