"""mart_issue_daily_flow: the spine, the flows and the stock, by hand and against plain Python."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gitpulse_assets.catalog.tables import STATEMENT_MARTS

KINDS = (
    "opened",
    "reopened",
    "transferred_in",
    "returned",
    "closed",
    "converted",
    "transferred_out",
    "deleted",
)
START = datetime(2024, 1, 1, tzinfo=UTC)


def flow(gold):
    return gold.rows("select * from mart_issue_daily_flow order by flow_date")


def test_every_kind_is_counted_on_its_day_with_its_sign(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-02"), ("reopened", "2024-01-03"))
    silver.issue(
        2, ("transferred_in", "2024-01-02"), ("transferred_out", "2024-01-03"), ("returned", "2024-01-04")
    )
    silver.issue(3, ("opened", "2024-01-01"), ("converted", "2024-01-03"))
    silver.issue(4, ("opened", "2024-01-01"), ("deleted", "2024-01-04"))
    days = flow(make_gold(silver, "2024-01-04 12:00"))
    counted = [{kind: day[f"{kind}_count"] for kind in KINDS if day[f"{kind}_count"]} for day in days]
    assert counted == [
        {"opened": 3},
        {"transferred_in": 1, "closed": 1},
        {"reopened": 1, "converted": 1, "transferred_out": 1},
        {"returned": 1, "deleted": 1},
    ]
    assert [day["net_change"] for day in days] == [3, 0, -1, 0]
    assert (
        [day["open_at_end"] for day in days] == [day["cumulative_net_change"] for day in days] == [3, 3, 2, 2]
    )


def test_case_10_the_spine_of_a_quiet_repository_runs_to_the_as_of_day(silver, make_gold):
    silver.issue(1, ("opened", "2023-12-30 23:59"))
    days = flow(make_gold(silver, "2024-03-01 00:00"))
    assert [day["flow_date"] for day in days] == [date(2023, 12, 30) + timedelta(days=n) for n in range(63)]
    assert {day["open_at_end"] for day in days} == {1}


def test_the_spine_reaches_the_last_transition_when_the_walk_crossed_midnight(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01")).issue(2, ("opened", "2024-01-03 00:10"))
    assert flow(make_gold(silver, "2024-01-02 23:59"))[-1]["flow_date"] == date(2024, 1, 3)


def test_case_16_empty_repository_has_one_day_of_zeros(silver, make_gold):
    (day,) = flow(make_gold(silver, "2024-01-05 12:00"))
    assert day["flow_date"] == date(2024, 1, 5)
    assert {value for name, value in day.items() if name.endswith(("count", "change", "end"))} == {0}


def test_case_16_pull_request_only_repository_is_like_an_empty_one(silver, make_gold):
    silver.issue(1, is_pull_request=True, state="open", closed_at=None)
    gold = make_gold(silver, "2024-01-05 12:00")
    assert [day["open_at_end"] for day in flow(gold)] == [0]
    assert gold.rows("select * from mart_issue_lifecycle") == []


def test_case_16_never_synced_repository_has_no_rows(silver, make_gold):
    silver.made = {name: table.slice(0, 0) for name, table in silver.tables().items()}
    gold = make_gold(silver, "2024-01-05 12:00")
    tables = gold.column("select table_name from duckdb_tables() where table_name like 'mart%'")
    assert len(tables) == len(STATEMENT_MARTS)
    assert {table: gold.rows(f"from {table}") for table in tables} == {table: [] for table in tables}


def test_rolling_week_is_shorter_at_the_start(silver, make_gold):
    for number in range(1, 10):
        silver.issue(number, ("opened", f"2024-01-0{number}"), ("closed", "2024-01-10"))
    days = flow(make_gold(silver, "2024-01-10 12:00"))
    assert [day["rolling_7d_opened"] for day in days] == [1, 2, 3, 4, 5, 6, 7, 7, 7, 6]
    assert [day["rolling_7d_closed"] for day in days] == [0] * 9 + [9]
    assert days[-1]["rolling_7d_net_change"] == -3


def test_rolling_opened_counts_no_reopening(silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-02"), ("reopened", "2024-01-03"))
    last = flow(make_gold(silver, "2024-01-03 12:00"))[-1]
    assert (last["rolling_7d_opened"], last["rolling_7d_closed"], last["rolling_7d_net_change"]) == (1, 1, 1)


def test_two_repositories_do_not_mix(silver, new_silver, make_gold):
    silver.issue(1, ("opened", "2024-01-01"), ("closed", "2024-01-03"), labels=["bug"])
    other = new_silver("comet").issue(1, ("opened", "2024-01-02"), labels=["docs"])
    mine, theirs = silver.tables(), other.tables()
    silver.made = {name: pa.concat_tables([mine[name], theirs[name]]) for name in mine}
    gold = make_gold(silver, "2024-01-04")
    query = "select repo_name, list(open_at_end order by flow_date) from mart_issue_daily_flow group by all"
    assert dict(gold.con.sql(query).fetchall()) == {"rocket": [1, 1, 0, 0], "comet": [1, 1, 1]}
    query = "select repo_name, label_group from mart_issue_lifecycle"
    assert dict(gold.con.sql(query).fetchall()) == {"rocket": "bug", "comet": "docs"}


@st.composite
def histories(draw):
    """One issue's moves: in, out, in ... at growing minutes, kinds as the ledger allows them."""
    minutes = sorted(draw(st.sets(st.integers(0, 20 * 1440), min_size=1, max_size=6)))
    moves = [(draw(st.sampled_from(["opened", "transferred_in"])), minutes[0])]
    for position, minute in enumerate(minutes[1:], start=1):
        if position % 2:
            moves.append((draw(st.sampled_from(KINDS[4:])), minute))
        else:
            moves.append(("reopened" if moves[-1][0] == "closed" else "returned", minute))
    return [(kind, START + timedelta(minutes=minute)) for kind, minute in moves]


def expected_flow(issues, as_of):
    """The daily flow by the definition, one day after the other."""
    moves = [move for moves in issues for move in moves]
    first = min([when.date() for _, when in moves] + [as_of.date()])
    last = max([when.date() for _, when in moves] + [as_of.date()])
    result, stock = [], 0
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        counts = Counter(kind for kind, when in moves if when.date() == day)
        stock += sum(counts[kind] for kind in KINDS[:4]) - sum(counts[kind] for kind in KINDS[4:])
        result.append((day, *(counts[kind] for kind in KINDS), stock))
    return result


@settings(deadline=None)
@given(issues=st.lists(histories(), max_size=8), as_of_minute=st.integers(0, 30 * 1440))
def test_flow_equals_plain_python_and_breaks_no_check(new_silver, make_gold, check, issues, as_of_minute):
    repository = new_silver()
    for number, moves in enumerate(issues, start=1):
        repository.issue(number, *moves)
    as_of = START + timedelta(minutes=as_of_minute)
    gold = make_gold(repository, as_of)
    columns = ["flow_date", *(f"{kind}_count" for kind in KINDS), "open_at_end"]
    assert [tuple(day[name] for name in columns) for day in flow(gold)] == expected_flow(issues, as_of)
    for name in (
        "ledger_identity",
        "open_at_end_equals_snapshot",
        "no_day_missing",
        "swing_days_agree_with_flow",
    ):
        assert check(gold, name, as_of) == []
