"""Each semantic check is silent on sound data and speaks up when what it proves is made untrue."""

import json

import pytest

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.contracts.bronze import ISSUES, MANIFEST
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.sql_file import load_sql

AS_OF = "2024-02-10 08:00"
DAY = "where flow_date = '2024-01-09'"

BAD_RECORD = "insert into quarantine by name select 'issues' as stream, 1 as record_number"
COUNTED = (
    "5 as open_count_before, 1 as our_count, false as has_pull_requests, true as is_quiet, "
    "false as is_known_difference, '2024-02-10 08:00Z'::timestamptz as fetched_at"
)
KEYS = (
    *("id", "node_id", "number", "title", "state", "user", "labels", "comments", "created_at", "updated_at"),
    *("closed_at", "author_association", "html_url"),
)
# Of more than ten issues all departing is too many.
PULL_REQUESTS = range(4, 16)

# What is done to sound tables, and the check that must then speak.
DAMAGE = [
    ("no_pull_request_in_marts", "update issue_current set is_pull_request = true where issue_number = 1"),
    ("no_pull_request_in_marts", "update issue_current set is_pull_request = true where issue_number = 2"),
    ("lifecycle_rows_equal_issues", "insert into mart_issue_lifecycle from mart_issue_lifecycle limit 1"),
    ("lifecycle_rows_equal_issues", "delete from mart_issue_lifecycle where issue_number = 2"),
    ("no_day_missing", f"delete from mart_issue_daily_flow {DAY}"),
    ("no_day_missing", "delete from mart_issue_daily_flow where flow_date = '2024-01-01'"),
    ("no_day_missing", "delete from mart_issue_daily_flow where flow_date = '2024-02-10'"),
    ("no_day_missing", "delete from mart_issue_daily_flow"),
    ("net_change_identity", f"update mart_issue_daily_flow set closed_count = 7 {DAY}"),
    ("ledger_identity", f"update mart_issue_daily_flow set open_at_end = open_at_end + 1 {DAY}"),
    ("ledger_identity", "update mart_issue_daily_flow set open_at_end = 2 where flow_date = '2024-01-01'"),
    ("ledger_alternates", "update issue_transitions set delta = 1 where transition_number = 2"),
    ("ledger_alternates", "delete from issue_transitions where transition_number = 1"),
    (
        "ledger_alternates",
        "update issue_transitions set transitioned_at = '2024-02-01 00:00Z' where transition_number = 1",
    ),
    ("open_at_end_equals_snapshot", "update issue_current set state = 'closed' where issue_number = 1"),
    (
        "ledger_state_equals_snapshot",
        "update issue_current set departed_at = '2024-02-01 00:00Z' where issue_number = 1",
    ),
    ("no_orphan_labels", "delete from issue_current where issue_number = 2"),
    ("no_orphan_assignees", "delete from issue_current where issue_number = 3"),
    ("no_issue_open_before_arrival", "update issue_current set created_at = '2024-01-01 10:00:01Z'"),
    (
        "no_issue_open_before_arrival",
        "update issue_transitions set kind = 'opened' where transition_number = 3",
    ),
    ("no_issue_open_before_arrival", "delete from issue_current where issue_number = 3"),
    (
        "no_issue_open_before_arrival",
        "insert into issue_event by name select repo_owner, repo_name, issue_id, 'transferred' as kind, "
        "'2024-01-02 12:00Z'::timestamptz as happened_at from issue_current where issue_number = 2",
    ),
    ("swing_days_agree_with_flow", "update mart_issue_swing_days set net_change = net_change + 1"),
    ("swing_days_agree_with_flow", "update mart_issue_swing_days set issue_numbers = [1, 2, 3, 4]"),
    ("swing_days_agree_with_flow", "delete from mart_issue_swing_days where swing_rank = 1"),
    ("weekday_rhythm_agrees_with_flow", "update mart_issue_weekday_rhythm set issue_count = issue_count + 1"),
    ("weekday_rhythm_agrees_with_flow", "delete from mart_issue_weekday_rhythm where issue_count = 0"),
    (
        "closure_months_agree_with_lifecycle",
        "update mart_issue_closure_age_monthly set closed_issue_count = 9",
    ),
    ("closure_months_agree_with_lifecycle", "delete from mart_issue_closure_age_monthly"),
    ("age_bands_agree_with_backlog", "update mart_backlog_by_age set open_issue_count = 1"),
    ("age_bands_agree_with_backlog", "delete from mart_backlog_by_age where open_issue_count = 0"),
    ("history_is_complete", "delete from lifecycle_coverage where issue_id = 1002"),
    ("history_is_complete", "update lifecycle_coverage set is_complete = false"),
    ("history_is_complete", "delete from lifecycle_coverage"),
    ("history_is_complete", "update issue_current set departure_kind = 'unknown' where issue_number = 3"),
    ("history_is_complete", BAD_RECORD),
    ("history_is_complete", f"insert into control_total by name select 5 as open_count_after, {COUNTED}"),
    (
        "history_is_complete",
        f"insert into control_total by name select 1 as open_count_after, 40 as missing_count, {COUNTED}",
    ),
    ("nothing_quarantined", BAD_RECORD),
    (
        "no_orphan_events",
        "insert into issue_event by name select repo_owner, repo_name, 7 as issue_id, 'closed' as kind, "
        "'2024-01-01 12:00Z'::timestamptz as fetched_at from issue_current limit 1",
    ),
    ("payload_keys_known", """insert into bronze_issues by name select '{"shape": 1}' as payload_json"""),
    (
        "payload_keys_known",
        "update bronze_issues set payload_json = replace(payload_json, 'title', 'heading')",
    ),
    ("departures_are_few", "update issue_current set departed_at = '2024-02-01 00:00Z'"),
    ("sync_state_agrees", "update manifest set status = 'partial'"),
    ("sync_state_agrees", "update sync_state set as_of_at = as_of_at + interval 1 second"),
    ("sync_state_agrees", "update issue_current set run_id = 'run-2' where issue_number = 1"),
    ("walk_is_recent", "update sync_state set finished_at = as_of_at + interval 25 hours"),
]


# Of a mart's check that is not named above: it must at least see that the mart is empty.
NAMED = {name for name, _ in DAMAGE}
DAMAGE += [
    (check.name, f"delete from {mart.name}")
    for mart in MARTS
    for check in mart.checks
    if check.name not in NAMED
]


@pytest.fixture(scope="module")
def gold(new_silver, make_gold):
    silver = new_silver()
    silver.issue(1, ("opened", "2024-01-01 10:00"), ("closed", "2024-01-03"), ("reopened", "2024-01-09"))
    silver.issue(2, ("opened", "2024-01-02"), ("closed", "2024-01-20 12:00"), labels=["bug"])
    silver.issue(3, ("opened", "2024-01-02"), ("deleted", "2024-01-05"), assignees=["ann"])
    for number in PULL_REQUESTS:
        silver.issue(number, is_pull_request=True)
    gold = make_gold(silver, AS_OF)
    beside_gold(gold.con)
    return gold


def beside_gold(con):
    """What the other steps' checks read: sound, too."""
    tables = {table.name: table for table in (*SILVER_TABLES, MANIFEST)} | {"bronze_issues": ISSUES}
    there = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    for name in tables.keys() - there:
        con.register("empty", tables[name].arrow_schema.empty_table())
        con.execute(f"create temp table {name} as from empty")
    con.execute("create temp table stored_issue_current as from issue_current")
    con.execute("create temp view all_issue as from issue_current")
    con.execute(
        "insert into lifecycle_coverage by name select issue_id, true as is_complete, "
        "updated_at as lifecycle_updated_at from issue_current where not is_pull_request"
    )
    walk = "'issues' as stream, '2024-02-10 08:00Z'::timestamptz as as_of_at, as_of_at as finished_at"
    con.execute(f"insert into sync_state by name select 'run-1' as last_merged_run_id, {walk}")
    con.execute(f"insert into manifest by name select 'run-1' as run_id, 'complete' as status, {walk}")
    payload = json.dumps(dict.fromkeys(KEYS))
    con.execute("insert into bronze_issues by name select ? as payload_json", [payload])
    incomplete_slices(con)


def test_sound_data_breaks_nothing(gold, check, every_check):
    assert {name: check(gold, name, AS_OF) for name in every_check} == {name: [] for name in every_check}


@pytest.mark.parametrize(("name", "damage"), DAMAGE)
def test_damage_is_found(gold, damaged, check, name, damage):
    damaged(gold, damage)
    incomplete_slices(gold.con)
    assert check(gold, name, AS_OF) != []


def test_every_check_was_damaged(every_check):
    assert {name for name, _ in DAMAGE} == set(every_check)


def test_headers_say_what_is_proven(every_check):
    for name in every_check:
        header = load_sql("checks", name)
        assert header.startswith(("-- Proves ", "-- Reports "))
        assert "Broken rows:" in header
