-- Grain: one record of old_issues without which merging everything again would not give the silver tables of today.
-- * What each sighting was first seen in, and each issue's newest record: of an issue that left the only one.
-- * What is quarantined, and what bronze could not read the head of.
-- * What makes a later record stale (fetched later, but with an older updated_at, as a lagging replica answers):
--   without it that record would be taken for a change of state.
-- The others only repeat the state that the sighting before them saw.
with seen as (
    select old.run_id, old.page_number, old.record_number
    from old_issues as old
    join issue_sighting as sighting
        on old.issue_id = sighting.issue_id
        and old.fetched_at = sighting.seen_at
        and old.issue_updated_at = sighting.updated_at
),

newest as (
    select old.run_id, old.page_number, old.record_number
    from old_issues as old
    join issue_current as issue
        on old.issue_id = issue.issue_id
        and old.run_id = issue.run_id
        and old.page_number = issue.page_number
        and old.issue_updated_at = issue.updated_at
),

quarantined as (
    select run_id, page_number, record_number from quarantine where stream = 'issues'
),

unread as (
    select run_id, page_number, record_number
    from old_issues
    where issue_id is null or issue_updated_at is null
),

newer_than_a_later_one as (
    select old.run_id, old.page_number, old.record_number
    from old_issues as old
    semi join later_issues as later
        on old.issue_id = later.issue_id
        and later.fetched_at >= old.fetched_at
        and later.issue_updated_at < old.issue_updated_at
)

select run_id, page_number, record_number from seen
union
select run_id, page_number, record_number from newest
union
select run_id, page_number, record_number from quarantined
semi join old_issues using (run_id, page_number, record_number)
union
select run_id, page_number, record_number from unread
union
select run_id, page_number, record_number from newer_than_a_later_one
