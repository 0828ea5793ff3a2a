"""The verdict's table from a ledger: windows, sums, bursts, bots, labels and the contract's rules."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.silver import ISSUE_TRANSITIONS
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.transform.verdict_table import build_verdicts

AS_OF = datetime(2024, 7, 1, 15, tzinfo=UTC)
LAST_DAY = datetime(2024, 6, 30, 12, tzinfo=UTC)


class Ledger:
    """A ledger filled issue by issue; times are days before noon of the last complete day."""

    def __init__(self):
        self.moves, self.issues = [], []

    def issue(self, opened, closed=None, *, actor="octo", actor_type="User", labels=(), known_by="event"):
        number = len(self.issues) + 1
        self._move(number, 1, opened, "opened", None, None, known_by)
        if closed is not None:
            self._move(number, 2, closed, "closed", actor, actor_type, known_by)
        created = LAST_DAY - timedelta(days=opened)
        issue = {"repo_owner": "acme", "repo_name": "rocket", "issue_id": number, "created_at": created}
        self.issues.append(issue | {"is_open": closed is None, "label_names": list(labels)})
        return self

    def _move(self, number, position, ago, kind, actor, actor_type, known_by):
        row = {"repo_owner": "acme", "repo_name": "rocket", "issue_id": number, "issue_number": number}
        row |= {"transition_number": position, "transitioned_at": LAST_DAY - timedelta(days=ago)}
        row |= {"kind": kind, "delta": 1 if kind == "opened" else -1, "known_by": known_by}
        self.moves.append(row | {"actor_login": actor, "actor_type": actor_type})

    def verdicts(self, as_of=AS_OF, incomplete=()):
        """Build the table and return its rows by window, having checked the contract's rules."""
        with connect() as con:
            _load(con, "issue_transitions", self.moves, ISSUE_TRANSITIONS.arrow_schema)
            columns = [MART_ISSUE_LIFECYCLE.arrow_schema.field(name) for name in LIFECYCLE_COLUMNS]
            _load(con, "mart_issue_lifecycle", self.issues, pa.schema(columns))
            con.execute("create temp table repository as select 'acme' as repo_owner, 'rocket' as repo_name")
            create_table(con, "gold", "mart_issue_daily_flow", {"as_of_at": as_of})
            rows = build_verdicts(con, as_of, incomplete).to_pylist()
            for rule in MART_BACKLOG_VERDICT.rules:
                broken = con.sql(f"select window_days from mart_backlog_verdict where {rule.broken_when}")
                assert broken.fetchall() == [], rule.name
        return {row["window_days"]: row for row in rows}


LIFECYCLE_COLUMNS = ("repo_owner", "repo_name", "issue_id", "is_open", "created_at", "label_names")


def _load(con, name, rows, schema):
    con.register("incoming", pa.Table.from_pylist(rows, schema))
    con.execute(f"create temp table {name} as select * from incoming")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def steady(ledger: Ledger, days: int) -> Ledger:
    """Two issues opened a day, one closed a day later and one two days later."""
    for day in range(2, days):
        ledger.issue(day, day - 1, actor="ann").issue(day, day - 2, actor="bob")
    return ledger


def test_departures_noticed_in_one_full_walk_are_no_clean_up(ledger):
    """They left one by one, and only our look dates them."""
    for number in range(40):
        ledger.issue(60 + number % 7)
        ledger._move(number + 1, 2, 20, "deleted", None, None, "inferred")
    row = ledger.verdicts()[90]
    assert (row["bulk_departed_count"], row["deleted_count"]) == (0, 40)
    assert row["pace_per_week"] < 0


def test_the_window_ends_with_the_last_complete_utc_day(ledger):
    row = ledger.issue(0).issue(-0.9).verdicts()[28]
    assert (str(row["window_start_date"]), str(row["window_end_date"])) == ("2024-06-03", "2024-06-30")
    assert (row["opened_count"], row["open_at_end"]) == (1, 1)


@pytest.mark.parametrize("window_days", [28, 90, 180])
def test_sums_are_those_of_the_windows_days_alone(ledger, window_days):
    ledger.issue(300).issue(window_days - 1).issue(window_days).issue(200, window_days - 1)
    row = ledger.verdicts()[window_days]
    assert (row["opened_count"], row["closed_count"], row["net_change"]) == (1, 1, 0)
    assert (row["open_at_start"], row["open_at_end"]) == (3, 3)


def test_a_clean_up_across_midnight_is_one_bulk_movement(ledger):
    steady(ledger, 400)
    for minute in range(40):
        ledger.issue(380, 10.45 + minute / 1440 * 3, actor="carol")
    row = ledger.verdicts()[90]
    assert row["bulk_departed_count"] == 40
    assert {bulk["actor_login"] for bulk in row["bulk_movements"]} == {"carol"}
    assert row["resolution_count"] == row["closed_count"] - 40


def test_as_many_closings_spread_over_people_are_no_bulk(ledger):
    steady(ledger, 400)
    for person in range(40):
        ledger.issue(380, 10.45, actor=f"user{person}")
    assert ledger.verdicts()[90]["bulk_departed_count"] == 0


def test_without_known_actors_a_script_is_bulk_and_a_busy_day_is_not(ledger):
    steady(ledger, 400)
    for number in range(40):
        ledger.issue(380, 10 + number / 86400, actor=None)
        ledger.issue(380, 20 + number * 10 / 1440, actor=None)
    assert ledger.verdicts()[90]["bulk_departed_count"] == 40


@pytest.mark.parametrize(
    ("actor", "actor_type"), [("stale", "Bot"), ("stale[bot]", None), ("stale[bot]", "User")]
)
def test_a_bots_closings_are_counted_beside(ledger, actor, actor_type):
    row = ledger.issue(20, 5, actor=actor, actor_type=actor_type).issue(20, 5).verdicts()[28]
    assert (row["bot_departed_count"], row["closed_count"]) == (1, 2)


def test_labels_are_those_that_moved_the_backlog_most(ledger):
    for number in range(5):
        ledger.issue(5 + number, labels=["bug"]).issue(60, 5 + number, labels=["docs", "old"])
    ledger.issue(5, labels=["bug", "rare"]).issue(300, labels=["before"])
    changes = ledger.verdicts()[28]["label_changes"]
    assert changes == [
        {"label_name": "bug", "net_change": 6},
        {"label_name": "rare", "net_change": 1},
        {"label_name": "docs", "net_change": -5},
        {"label_name": "old", "net_change": -5},
    ]


def test_ages_are_those_of_the_open_issues_at_the_as_of_moment(ledger):
    ledger.issue(10).issue(20).issue(400).issue(900, 100)
    row = ledger.verdicts()[28]
    assert row["median_open_age_days"] == pytest.approx(21 + 3 / 24)
    assert row["share_open_over_1_year"] == pytest.approx(1 / 3)


def test_incomplete_slices_reach_the_paragraph(ledger):
    row = ledger.issue(500).verdicts(incomplete=["events before 2020"])[28]
    assert row["unknowns"] == ["events before 2020"]
    assert "Not known: events before 2020." in row["paragraph"]


def test_an_empty_repository_has_a_verdict_without_a_pace(ledger):
    rows = ledger.verdicts()
    assert [row["direction"] for row in rows.values()] == ["unclear"] * 3
    assert rows[28]["unknowns"] == ["no day since the first issue is complete yet"]


def test_a_repository_born_today_has_a_verdict_without_a_pace(ledger):
    row = ledger.issue(-0.6).verdicts()[28]
    assert (row["observed_days"], row["open_at_end"], row["pace_per_week"]) == (0, 0, None)


def test_a_steady_repository_keeps_its_exact_counts(ledger):
    row = steady(ledger, 1300).verdicts()[180]
    assert (row["history_days"], row["observed_days"]) == (1092, 180)
    assert (row["intake_count"], row["intake_before_count"]) == (356, 360)
    assert row["pace_low_per_week"] <= row["pace_per_week"] <= row["pace_high_per_week"]


def test_a_moment_without_time_zone_is_refused():
    with connect() as con, pytest.raises(ValueError, match="time zone"):
        build_verdicts(con, datetime(2024, 7, 1))  # noqa: DTZ001


def test_the_table_has_the_contracts_schema(ledger):
    row = ledger.issue(30).verdicts()[28]
    assert tuple(row) == MART_BACKLOG_VERDICT.column_names
