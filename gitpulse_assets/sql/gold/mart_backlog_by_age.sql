-- Grain: one row per repository and age band, always 5 a repository. Key: repo_owner, repo_name, band_num.
-- Age is exact, from created_at to the as-of moment, also for an issue that was transferred in: its reporter has
-- waited since then. A band includes its upper bound and not its lower one, so that 7 d and 1 s is past the week.
with bands as (
    select repo_owner, repo_name, band_num, age_band, from_days, to_days
    from (select distinct repo_owner, repo_name from mart_issue_daily_flow) as repositories
    cross join (
        values
            (1::bigint, '0-7 d', 0::bigint, 7::bigint),
            (2, '8-30 d', 7, 30),
            (3, '31-90 d', 30, 90),
            (4, '91-365 d', 90, 365),
            (5, '> 365 d', 365, null)
    ) as age_bands (band_num, age_band, from_days, to_days)
),

open_issue as (
    select
        repo_owner,
        repo_name,
        issue_number,
        created_at,
        greatest((epoch_us($as_of_at::timestamptz) - epoch_us(created_at)) / 86400000000.0::double, 0) as age_days,
        case
            when age_days <= 7 then 1
            when age_days <= 30 then 2
            when age_days <= 90 then 3
            when age_days <= 365 then 4
            else 5
        end as band_num
    from mart_issue_lifecycle
    where is_open
),

banded as (
    select
        repo_owner,
        repo_name,
        band_num,
        count(*) as open_issue_count,
        arg_min(issue_number, (created_at, issue_number)) as oldest_issue_number,
        max(age_days) as oldest_age_days,
        sum(count(*)) over (partition by repo_owner, repo_name) as backlog_count
    from open_issue
    group by repo_owner, repo_name, band_num
)

select
    repo_owner,
    repo_name,
    band_num,
    bands.age_band,
    bands.from_days,
    bands.to_days,
    coalesce(banded.open_issue_count, 0)::bigint as open_issue_count,
    coalesce(banded.open_issue_count, 0)
    / max(banded.backlog_count) over (partition by repo_owner, repo_name)::double as share_of_open,
    banded.oldest_issue_number,
    banded.oldest_age_days
from bands
left join banded using (repo_owner, repo_name, band_num)
