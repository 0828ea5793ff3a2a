-- Grain: one row per UTC month, none missing, from the first pull request's to the as-of month (or the last merge's).
-- Key: repo_owner, repo_name, month. Openings, responses and reviews belong to the month of creation, merges to that
-- of the merge; the Kaplan-Meier median of merging is of those created in the month, like the others.
with pull_request as (
    select
        mart.repo_owner,
        mart.repo_name,
        mart.pull_request_number,
        mart.created_at,
        mart.merged_at,
        (epoch_us(mart.merged_at) - epoch_us(mart.created_at)) / 1000000.0::double as merge_seconds,
        mart.is_merged_without_review,
        act.is_human,
        date_trunc('month', make_timestamp(epoch_us(mart.created_at)))::date as month,
        date_trunc('month', make_timestamp(epoch_us(mart.merged_at)))::date as merged_month,
        row_number() over (
            partition by act.person_id order by mart.created_at, mart.pull_request_number
        ) = 1 as is_first
    from mart_pull_request_lifecycle as mart
    join conversation_act as act on act.thread_number = mart.pull_request_number and act.act_kind = 'opening'
),

created as (
    select
        month,
        count(*) as opened_count,
        avg((merged_at is not null)::int) as share_merged,
        avg(is_first::int) filter (where is_human) as share_by_newcomers,
        case when count(*) > 1
            then (epoch_us(max(created_at)) - epoch_us(min(created_at))) / 1000000.0::double / (count(*) - 1)
        end as average_seconds_between_opened
    from pull_request
    group by month
),

merged as (
    select
        merged_month,
        count(*) as merged_count,
        quantile_cont(merge_seconds, 0.5) as median_merge_seconds,
        quantile_cont(merge_seconds, 0.9) as p90_merge_seconds,
        avg(is_merged_without_review::int) as share_merged_without_review
    from pull_request
    where merged_month is not null
    group by merged_month
),

whole as (
    select
        repo_owner,
        repo_name,
        min(month) as first_month,
        greatest(
            max(month), max(merged_month), date_trunc('month', make_timestamp(epoch_us($as_of_at::timestamptz)))::date
        ) as last_month,
        case when count(*) > 1
            then (epoch_us(max(created_at)) - epoch_us(min(created_at))) / 1000000.0::double / (count(*) - 1)
        end as average_seconds_between_opened_ever
    from pull_request
    group by repo_owner, repo_name
),

calendar as (
    select repo_owner, repo_name, average_seconds_between_opened_ever,
        unnest(generate_series(first_month::timestamp, last_month::timestamp, interval 1 month))::date as month
    from whole
)

select
    repo_owner,
    repo_name,
    calendar.month,
    coalesce(opened_count, 0)::bigint as opened_count,
    coalesce(merged_count, 0)::bigint as merged_count,
    response.median_seconds as median_first_response_seconds,
    response.p90_seconds as p90_first_response_seconds,
    response.kaplan_meier_median_seconds as kaplan_meier_median_first_response_seconds,
    review.median_seconds as median_first_review_seconds,
    review.p90_seconds as p90_first_review_seconds,
    review.kaplan_meier_median_seconds as kaplan_meier_median_first_review_seconds,
    median_merge_seconds,
    p90_merge_seconds,
    merge.kaplan_meier_median_seconds as kaplan_meier_median_merge_seconds,
    share_merged,
    share_merged_without_review,
    share_by_newcomers,
    average_seconds_between_opened,
    average_seconds_between_opened_ever
from calendar
left join created on created.month = calendar.month
left join merged on merged.merged_month = calendar.month
left join month_wait as response on response.month = calendar.month and response.waited_for = 'response'
left join month_wait as review on review.month = calendar.month and review.waited_for = 'review'
left join month_wait as merge on merge.month = calendar.month and merge.waited_for = 'merge'
