"""Every figure of a window against a plain recount in Python of the ledger and the issues."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Any

import pytest

from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.window import Window
from gitpulse_assets.contracts.mart import FLOW_NAMES

READ = (
    (
        "mart_issue_lifecycle",
        (
            *("issue_id", "created_at", "closed_date", "departed_at", "closure_age_days"),
            *("is_open", "is_closed", "label_names"),
        ),
    ),
    ("issue_transitions", ("issue_id", "transitioned_at", "kind", "delta")),
)
WINDOWS = ("28", "90", "180", "all", "one day", "past", "before the history")
DAY_SECONDS = 86_400


class Recount:
    """The same questions, answered the slow way."""

    def __init__(self, answers: RepositoryAnswers, window: Window, label: str | None = None) -> None:
        issues, moves = rows_of(answers)
        self.window = window
        self.issues = {row["issue_id"]: row for row in issues if has_label(row, label)}
        self.moves = [row for row in moves if row["issue_id"] in self.issues]
        self.inside = [row for row in self.moves if self.holds(row["transitioned_at"].astimezone(UTC).date())]

    def holds(self, day: date | None) -> bool:
        return day is not None and self.window.start_date <= day <= self.window.end_date

    def flows(self) -> dict[str, int]:
        kinds = Counter(row["kind"] for row in self.inside)
        return {name: kinds[name.removesuffix("_count")] for name in FLOW_NAMES}

    def open_at(self, moment: datetime) -> set[int]:
        stock = Counter[int]()
        for row in self.moves:
            if row["transitioned_at"] < moment:
                stock[row["issue_id"]] += row["delta"]
        return {issue_id for issue_id, count in stock.items() if count > 0}

    def still_open(self, is_latest: bool) -> set[int]:
        """Issues open when the window ends; of the latest, at the as-of moment."""
        if is_latest:
            return {issue_id for issue_id, row in self.issues.items() if row["is_open"]}
        return self.open_at(self.window.end_at)

    def closed(self) -> list[dict[str, Any]]:
        return [row for row in self.issues.values() if row["is_closed"] and self.holds(row["closed_date"])]

    def nets(self) -> Counter[date]:
        days = Counter[date]()
        for row in self.inside:
            days[row["transitioned_at"].astimezone(UTC).date()] += row["delta"]
        return days


@lru_cache
def rows_of(answers: RepositoryAnswers) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    issues, moves = (
        answers.published.datasets[name].to_table(columns=list(columns)) for name, columns in READ
    )
    return issues.to_pylist(), moves.to_pylist()


def has_label(row: dict[str, Any], label: str | None) -> bool:
    return label is None or label in (row["label_names"] or ["(no label)"])


def chosen(answers: RepositoryAnswers, name: str) -> Window:
    last, first = answers.published.last_complete_date, answers.published.first_date
    if name == "one day":
        return Window(last, last)
    if name == "past":
        return answers.window(start=last - timedelta(days=200), end=last - timedelta(days=101))
    if name == "before the history":
        return answers.window(start=first - timedelta(days=30), end=first - timedelta(days=1))
    return answers.window("all" if name == "all" else int(name))


CASES = [
    *(("rocket", name) for name in WINDOWS),
    *(pytest.param("onnx", name, marks=pytest.mark.recorded) for name in ("90", "all", "past")),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "window" in metafunc.fixturenames:
        metafunc.parametrize(("repository", "window"), CASES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def repository(request: pytest.FixtureRequest) -> RepositoryAnswers:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def window(request: pytest.FixtureRequest, repository: RepositoryAnswers) -> Window:
    return chosen(repository, request.param)


@pytest.fixture(scope="session")
def recount(repository: RepositoryAnswers, window: Window) -> Recount:
    return Recount(repository, window)


def test_flows_and_stocks(repository, window, recount):
    header = repository.header(window)
    assert {name: header[name] for name in FLOW_NAMES} == recount.flows()
    stocks = len(recount.open_at(window.start_at)), len(recount.open_at(window.end_at))
    assert (header["open_at_start"], header["open_at_end"]) == stocks
    assert header["net_change"] == stocks[1] - stocks[0]
    assert header["open_now_count"] == sum(row["is_open"] for row in recount.issues.values())


def test_the_daily_flow_is_the_header_day_by_day(repository, window):
    header, days = repository.header(window), repository.daily_flow(window).to_pylist()
    assert len(days) == header["observed_days"]
    assert [row["flow_date"] for row in days] == sorted(row["flow_date"] for row in days)
    for name in (*FLOW_NAMES, "net_change"):
        assert sum(row[name] for row in days) == header[name], name


def test_a_week(repository, window):
    header = repository.header(window)
    assert header["closed_per_week"] * window.days == pytest.approx(header["closed_count"] * 7)
    last = repository.daily_flow(window).to_pylist()[-7:]
    if window.days >= 7 and last:
        assert header["rolling_7d_opened"] == sum(row["opened_count"] for row in last)


def test_closure_age_over_the_window(repository, window, recount):
    figures = repository.closure_age(window).in_window
    ages = sorted(row["closure_age_days"] for row in recount.closed())
    assert figures["closed_issue_count"] == len(ages)
    if ages:
        assert figures["median_closure_age_days"] == pytest.approx(median(ages))
        within, after = sum(age <= 7 for age in ages), sum(age > 90 for age in ages)
        shares = figures["share_closed_within_7d"], figures["share_closed_after_90d"]
        assert shares == pytest.approx((within / len(ages), after / len(ages)))


def test_closure_age_by_month(repository, window, recount):
    months = repository.closure_age(window).months.to_pylist()
    counts = Counter(row["closed_date"].replace(day=1) for row in recount.closed())
    assert {
        row["closed_month"]: row["closed_issue_count"] for row in months if row["closed_issue_count"]
    } == counts
    if months:
        assert (
            months[-1]["kaplan_meier_median_closure_age_days"]
            == (repository.closure_age(window).in_window["kaplan_meier_median_closure_age_days"])
        )


def test_kaplan_meier_by_the_textbook(repository, window, recount):
    end = window.end_at - timedelta(microseconds=1)
    lives: list[tuple[float, bool]] = []
    for row in recount.issues.values():
        seen = (end - row["created_at"]).total_seconds() / DAY_SECONDS
        if not 0 <= seen < 365:
            continue
        left = row["departed_at"]
        gone = (left - row["created_at"]).total_seconds() / DAY_SECONDS if left else seen
        closed = row["closure_age_days"]
        last = min(seen, gone, seen if closed is None else closed)
        lives.append((last, closed is not None and closed <= last))
    figures = repository.closure_age(window).in_window
    if repository.header(window)["observed_days"]:
        assert figures["cohort_issue_count"] == len(lives)
        assert figures["kaplan_meier_median_closure_age_days"] == pytest.approx(km_median(lives))


def km_median(lives: list[tuple[float, bool]]) -> float | None:
    surviving, at_risk = 1.0, len(lives)
    for age in sorted({age for age, _ in lives}):
        closings = sum(is_closing for other, is_closing in lives if other == age)
        surviving *= 1 - closings / at_risk
        if closings and surviving <= 0.5 + 1e-9:
            return age
        at_risk -= sum(other == age for other, _ in lives)
    return None


def test_weekdays(repository, window, recount):
    counted = Counter(
        (row["transitioned_at"].astimezone(UTC).weekday(), row["kind"])
        for row in recount.inside
        if row["kind"] in ("opened", "closed")
    )
    rows = repository.weekday_rhythm(window).to_pylist()
    assert len(rows) in (0, 14)
    assert {
        (r["weekday_num"], r["event_type"]): r["issue_count"] for r in rows if r["issue_count"]
    } == counted


def test_swing_days(repository, window, recount):
    rows, nets = repository.swing_days(window).to_pylist(), recount.nets()
    for direction, sign in (("up", 1), ("down", -1)):
        largest = sorted((net * sign for net in nets.values() if net * sign > 0), reverse=True)[:10]
        found = [row for row in rows if row["direction"] == direction]
        assert [row["net_change"] * sign for row in found] == largest
        assert [row["swing_rank"] for row in found] == list(range(1, len(found) + 1))
    for row in rows:
        assert nets[row["flow_date"]] == row["net_change"]
        numbers = len(row["issue_numbers"]) - len(row["offset_issue_numbers"])
        assert numbers == abs(row["net_change"])


def test_labels(repository, window, recount):
    still_open = recount.still_open(window.end_date == repository.published.last_complete_date)
    opened, closed, net, stock = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for issue_id in still_open:
        stock.update(recount.issues[issue_id]["label_names"] or ["(no label)"])
    for row in recount.inside:
        names = recount.issues[row["issue_id"]]["label_names"] or ["(no label)"]
        opened.update(names if row["kind"] == "opened" else [])
        closed.update(names if row["kind"] == "closed" else [])
        net.update(dict.fromkeys(names, row["delta"]))
    rows = {row["label_name"]: row for row in repository.labels(window).to_pylist()}
    told = {"open_issue_count": stock, "opened_count": opened, "closed_count": closed, "net_change": net}
    for name, expected in told.items():
        assert {k: row[name] for k, row in rows.items() if row[name]} == {
            k: v for k, v in expected.items() if v
        }


def test_ages(repository, window, recount):
    is_latest = window.end_date == repository.published.last_complete_date
    moment = repository.published.as_of_at if is_latest else window.end_at
    still_open = [recount.issues[issue_id] for issue_id in recount.still_open(is_latest)]
    days = [(moment - row["created_at"]).total_seconds() / DAY_SECONDS for row in still_open]
    bounds = [(-1, 7), (7, 30), (30, 90), (90, 365), (365, 10**6)]
    expected = [sum(low < age <= high for age in days) for low, high in bounds]
    rows = repository.ages(window).to_pylist()
    assert [row["open_issue_count"] for row in rows] == (expected if rows else [])


@pytest.mark.parametrize("label", ["performance", "(no label)"])
def test_a_label_is_counted_apart(rocket, label):
    window = rocket.window(90)
    recount, header = Recount(rocket, window, label), rocket.header(window, label)
    assert recount.issues
    assert {name: header[name] for name in FLOW_NAMES} == recount.flows()
    assert header["open_at_end"] == len(recount.open_at(window.end_at))
    assert header["closed_issue_count"] == len(recount.closed())
    verdict = rocket.verdict(window, label)
    assert (verdict["net_change"], verdict["open_at_end"]) == (header["net_change"], header["open_at_end"])
    assert f"acme/rocket, label {label}, 90 days" in verdict["paragraph"]
