"""Holds what the product says about a generated history against what the generator wrote down as it acted.

What no reader can know is allowed for here and nowhere else, in `ALLOWANCES`, and each use is counted.
`Truth.known_by` works out the days that follow. An issue whose knowable history differs from its true one
without one of these reasons is an error of the comparison and a mistake of its own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date

import duckdb

from gitpulse_assets.sandbox.times import utc_date
from gitpulse_assets.sandbox.truth import (
    ENTER_KINDS,
    LEAVE_KINDS,
    Presence,
    Transition,
    Truth,
    Walk,
    daily,
    has_date,
)

KINDS = (*ENTER_KINDS, *LEAVE_KINDS)

ALLOWANCES = {
    "never met": "gone before the first walk; nothing tells that the issue ever was",
    "noticed late": "nothing tells when an issue was deleted, hidden or moved out of sight: it leaves on the "
    "day a complete walk missed it, in the state it was last seen in",
    "returned": "nothing tells when a hidden issue came back: it returns on the day a walk met it again",
    "moved and gone": "a transfer is dated at the new place; the issue was gone from there too when "
    "a walk missed it here, and it leaves on that day",
    "not noticed yet": "gone since the last full walk; only a further one can miss it",
    "moved, not dated": "without a token nothing tells when an issue was transferred: it leaves on the day a "
    "complete walk missed it, in the state it was last seen in",
    "moved out of sight": "where the reader may not look, a transfer answers as a deletion does, and counts "
    "as one",
}


@dataclass
class Verdict:
    """What the comparison of one or more histories found; a day is wrong if its stock or any flow is."""

    histories: int = 0
    syncs: int = 0
    days: int = 0
    wrong_days: int = 0
    wrong_stock_days: int = 0
    wrong_issues: int = 0
    created_and_closed_wrong_days: int = 0
    unknowable_days: int = 0
    links: int = 0
    allowed: Counter[str] = field(default_factory=Counter)
    days_by_cause: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.histories} histories, {self.syncs} syncs, {self.days} days compared",
                f"{self.wrong_days} days wrong ({self.wrong_stock_days} in the stock); "
                f"{self.wrong_issues} issues wrong after any of the syncs",
                f"{self.created_and_closed_wrong_days} days wrong by created_at and closed_at alone",
                f"{self.unknowable_days} days were really otherwise, in ways that no reader can know:",
                *(
                    f"{self.allowed[name]:8} issues, {self.days_by_cause[name]} days: {name}: {why}"
                    for name, why in ALLOWANCES.items()
                ),
                f"{self.links} links between repositories compared",
            )
        )


def judge_ledger(
    ledger: Iterable[tuple[int, date, str]], truth: Truth, walks: Sequence[Walk], *, has_token: bool = True
) -> Verdict:
    """Compare the ledger, as (issue id, day, kind) in order, issue by issue."""
    known, mistakes = knowable(truth, walks, has_token=has_token)
    expected = by_issue((change.issue_id, utc_date(change.at), change.kind) for change in known)
    found = by_issue(ledger)
    numbers = {change.issue_id: change.issue_number for change in truth.transitions}
    wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    mistakes += [
        f"after walk {len(walks)} issue #{numbers.get(issue_id)}: "
        f"expected {shown(expected.get(issue_id))}; found {shown(found.get(issue_id))}"
        for issue_id in sorted(wrong)
    ]
    return Verdict(wrong_issues=len(wrong), mistakes=mistakes)


def judge_days(
    con: duckdb.DuckDBPyConnection, truth: Truth, walks: Sequence[Walk], *, has_token: bool = True
) -> Verdict:
    """Compare every day's stock and flows by kind, and the stock that created_at and closed_at alone give.

    Days that were really otherwise than anyone can know are counted apart, by cause.
    """
    until = walks[-1].at
    known = knowable(truth, walks, has_token=has_token)[0]
    expected, found = stocks_and_flows(known, until), daily_flow(con)
    days = sorted(expected.keys() | found.keys())
    nothing = (0,) * (1 + len(KINDS))
    stocks = {day: expected.get(day, nothing)[0] for day in days}
    wrong = [day for day in days if expected.get(day) != found.get(day)]
    plain = created_and_closed_stock(con, days)
    really = stocks_and_flows(truth.transitions, until)
    return Verdict(
        histories=1,
        syncs=len(walks),
        days=len(days),
        wrong_days=len(wrong),
        wrong_stock_days=sum(stocks[day] != found.get(day, nothing)[0] for day in wrong),
        created_and_closed_wrong_days=sum(stocks[day] != plain[day] for day in days),
        unknowable_days=sum(really.get(day, nothing) != expected.get(day, nothing) for day in days),
        allowed=allowances(truth, walks, has_token=has_token),
        days_by_cause=days_by_cause(truth, known, walks, has_token=has_token),
        mistakes=[f"{day}: expected {expected.get(day)}; found {found.get(day)}" for day in wrong],
    )


def knowable(
    truth: Truth, walks: Sequence[Walk], *, has_token: bool = True
) -> tuple[list[Transition], list[str]]:
    """What a reader of the walks can know, and the issues that this changes without an allowance."""
    unseen = {issue_id for issue_id, stays in truth.presences.items() if undated(stays[-1:])}
    told = truth if has_token else without_dates(truth)
    known = [
        replace(change, kind="deleted")
        if change.kind == "transferred_out" and change.issue_id in unseen
        else change
        for change in told.known_by(list(walks))
    ]
    unexplained = [
        f"the comparison changes the issue of id {issue_id} without a reason"
        for issue_id in changed_issues(truth, known)
        if not reasons(truth.presences[issue_id], walks, has_token=has_token)
    ]
    return known, unexplained


def without_dates(truth: Truth) -> Truth:
    """The same truth for a reader without a token, whom nothing tells when an issue was transferred."""
    presences = {
        issue_id: [replace(stay, is_dated=False) for stay in stays]
        for issue_id, stays in truth.presences.items()
    }
    return replace(truth, presences=presences)


def changed_issues(truth: Truth, known: Iterable[Transition]) -> set[int]:
    """The issues of which what can be known is not what really happened."""
    true = by_issue((change.issue_id, change.at, change.delta) for change in truth.transitions)
    told = by_issue((change.issue_id, change.at, change.delta) for change in known)
    return {issue_id for issue_id in true.keys() | told.keys() if true.get(issue_id) != told.get(issue_id)}


def allowances(truth: Truth, walks: Sequence[Walk], *, has_token: bool = True) -> Counter[str]:
    """For how many of the issues that ever were open each allowance is made."""
    ever_open = {change.issue_id for change in truth.transitions}
    return Counter(
        name
        for issue_id in ever_open
        for name in reasons(truth.presences[issue_id], walks, has_token=has_token)
    )


def days_by_cause(
    truth: Truth, known: Sequence[Transition], walks: Sequence[Walk], *, has_token: bool
) -> Counter[str]:
    """How many days each cause makes really otherwise; a day may have several."""
    until, days = walks[-1].at, set()
    for issue_id in changed_issues(truth, known):
        true, told = (
            stocks_and_flows([change for change in changes if change.issue_id == issue_id], until)
            for changes in (truth.transitions, known)
        )
        nothing = (0,) * (1 + len(KINDS))
        other = {day for day in true.keys() | told.keys() if true.get(day, nothing) != told.get(day, nothing)}
        causes = reasons(truth.presences[issue_id], walks, has_token=has_token)
        days |= {(cause, day) for cause in causes for day in other}
    return Counter(cause for cause, _ in days)


def reasons(stays: Sequence[Presence], walks: Sequence[Walk], *, has_token: bool = True) -> set[str]:
    """The allowances that apply to an issue with these stays."""
    met = [stay for stay in stays if any(is_present(stay, walk.at) for walk in walks)]
    if not met:
        return {"never met"}
    left = undated(stays)
    last_full_at = max((walk.at for walk in walks if walk.is_full), default=0)
    end = stays[-1].end
    reasons = {
        "noticed late": bool(left),
        "returned": len(stays) > 1,
        "moved and gone": any(is_untraceable(stay, walks) for stay in stays if stay not in left),
        "not noticed yet": end is not None and last_full_at < end <= walks[-1].at,
        "moved, not dated": not has_token
        and any(stay.end is not None and stay not in left for stay in stays),
        "moved out of sight": any(stay.end_kind == "transferred_out" for stay in left),
    }
    return {name for name, applies in reasons.items() if applies}


def is_present(stay: Presence, at: int) -> bool:
    return stay.start <= at and (stay.end is None or at < stay.end)


def is_untraceable(stay: Presence, walks: Sequence[Walk]) -> bool:
    """Whether the first full walk after a transfer could no longer learn when it happened."""
    noticed_at = next((walk.at for walk in walks if walk.is_full and stay.end and walk.at >= stay.end), None)
    return noticed_at is not None and not has_date(stay, noticed_at)


def undated(stays: Iterable[Presence]) -> list[Presence]:
    return [stay for stay in stays if stay.end is not None and not stay.is_dated]


def by_issue(changes: Iterable[tuple]) -> dict[int, list[tuple]]:
    gathered: dict[int, list[tuple]] = {}
    for issue_id, *change in changes:
        gathered.setdefault(issue_id, []).append(tuple(change))
    return gathered


def shown(changes: Sequence[tuple] | None) -> str:
    return ", ".join(f"{kind} {day}" for day, kind in changes or []) or "nothing"


def stocks_and_flows(transitions: list[Transition], until: int) -> dict[date, tuple[int, ...]]:
    """The stock at each day's end, then its flows in the order of KINDS."""
    days = daily(transitions, until)
    return {day.date: (day.open_at_end, *(day.flows[kind] for kind in KINDS)) for day in days}


def daily_flow(con: duckdb.DuckDBPyConnection) -> dict[date, tuple[int, ...]]:
    """The same from the mart."""
    columns = ", ".join(f"{kind}_count" for kind in KINDS)
    rows = con.sql(f"select flow_date, open_at_end, {columns} from mart_issue_daily_flow").fetchall()
    return {day: tuple(numbers) for day, *numbers in rows}


def created_and_closed_stock(con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> dict[date, int]:
    """The stock at each day's end by the method that knows no events and no departures."""
    change: Counter[date] = Counter()
    rows = con.sql(
        "select make_timestamp(epoch_us(created_at))::date, make_timestamp(epoch_us(closed_at))::date "
        "from issue_current where not is_pull_request and departed_at is null"
    ).fetchall()
    for created_date, closed_date in rows:
        change[created_date] += 1
        if closed_date is not None:
            change[max(created_date, closed_date)] -= 1
    return {day: sum(count for at, count in change.items() if at <= day) for day in days}
