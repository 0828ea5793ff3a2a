"""The answers about one repository: each figure for one window of days, by the same rule as its mart.

What a figure means stands in the contracts and the SQL files; nothing here is shown, formatted or served.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal, TypeVar

import duckdb
import pyarrow as pa

from gitpulse_assets.answers import conversations
from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.conversations import EVERYTHING, ListFilter, ListPage
from gitpulse_assets.answers.flips import Flip, flips, week_ends
from gitpulse_assets.answers.over import OVER, closings_in_one
from gitpulse_assets.answers.published import Published, has_words
from gitpulse_assets.answers.relations import relations
from gitpulse_assets.answers.waiting import Waiting, waiting
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window, between, last_days
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.marts import (
    backlog_by_age,
    backlog_by_label,
    contributor,
    follow_up,
    issue_closure_age_monthly,
    issue_daily_flow,
    issue_swing_days,
    issue_weekday_rhythm,
)
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.pace import DAYS_PER_WEEK
from gitpulse_assets.transform.verdict_table import build_verdicts

Result = TypeVar("Result")

IssueState = Literal["open", "closed", "departed", "all"]
IssueSort = Literal["oldest", "newest", "most_discussed", "recently_updated"]

# More than any repository has, and few enough to be added to an offset.
ALL_ISSUES = 1 << 40
ROWS_A_STRETCH = 10_000

NO_CLOSURE: dict[str, Any] = {
    "closed_issue_count": 0,
    "median_closure_age_days": None,
    "p90_closure_age_days": None,
    "share_closed_within_7d": None,
    "share_closed_after_90d": None,
    "kaplan_meier_median_closure_age_days": None,
    "cohort_issue_count": 0,
    "cohort_censored_count": 0,
}


@dataclass(frozen=True)
class IssueFilter:
    """Which issues and in what order; a filter that is None lets all pass. Days are UTC days.

    `moved_on`: issues that entered or left the backlog on that day, by the ledger: those of a swing day.
    """

    state: IssueState = "all"
    label: str | None = None
    opened_from: date | None = None
    opened_to: date | None = None
    closed_from: date | None = None
    closed_to: date | None = None
    moved_on: date | None = None
    sort: IssueSort = "oldest"
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True)
class ClosureAge:
    """How old issues were when closed: in the whole window, and by the months it touches."""

    in_window: dict[str, Any]
    months: pa.Table


class RepositoryAnswers:
    """Answers from one version of one repository's tables; every method may be called from any thread.

    `label` narrows an answer to the issues that have the label now, `(no label)` to those without one.
    To be asked through `LakeAnswers.ask`, which knows what to do when a table is replaced meanwhile.
    """

    def __init__(self, published: Published, database: duckdb.DuckDBPyConnection, cache: ResultCache) -> None:
        self.published = published
        self._database = database
        self._cache = cache

    def window(
        self,
        days: int | Literal["all"] = DEFAULT_WINDOW_DAYS,
        start: date | None = None,
        end: date | None = None,
        *,
        of_conversations: bool = False,
    ) -> Window:
        """Return the last so many complete days, all of them, or those from `start` to `end`.

        `of_conversations`: all of them are also those before the first issue. Raises WindowError and, of
        conversations, NotCollected.
        """
        last = self.published.last_complete_date
        first = self.published.first_date
        if of_conversations:
            first = min(first, self._kept(("first day",), lambda: conversations.first_day(self.published)))
        if start or end:
            return between(start or min(first, end or last), end or last, last)
        if days == "all":
            return Window(min(first, last), last)
        return last_days(days, last)

    def verdict(self, window: Window, label: str | None = None) -> dict[str, Any]:
        """Judge the window: a row of `mart_backlog_verdict`, the published one where there is one."""
        published = self._published_verdict(window) if label is None else None
        if published and has_words(published):
            return published
        as_of_at = self.published.as_of_at if published else window.end_at
        return self._kept(("verdict", window, label), lambda: self._judge(window, label, as_of_at))

    def _published_verdict(self, window: Window) -> dict[str, Any] | None:
        if window.end_date != self.published.last_complete_date:
            return None
        return next((row for row in self.published.verdicts if row["window_days"] == window.days), None)

    def _judge(self, window: Window, label: str | None, as_of_at: datetime) -> dict[str, Any]:
        with relations(self._database, self.published, label) as made:
            made.whole()
            slices = self._kept(("incomplete slices",), lambda: incomplete_slices(made.con))
            rows = build_verdicts(made.con, as_of_at, slices, [window.days], _scope(label)).to_pylist()
        return rows[0]

    def flips(self) -> list[Flip]:
        """Return when the verdict of 90 days became another clear one within the last quarter, in order."""
        return self._kept(("flips",), self._flips)

    def _flips(self) -> list[Flip]:
        ends = week_ends(self.published.first_date, self.published.last_complete_date)
        with relations(self._database, self.published, None) as made:
            made.whole()
            slices = self._kept(("incomplete slices",), lambda: incomplete_slices(made.con))
            windows = [last_days(DEFAULT_WINDOW_DAYS, end) for end in ends]
            judged = [
                build_verdicts(made.con, window.end_at, slices, [window.days]).to_pylist()[0]
                for window in windows
            ]
        return list(flips(judged))

    def header(self, window: Window, label: str | None = None) -> dict[str, Any]:
        """Return the window's figures.

        The eight flows, net_change, open_at_start, open_at_end, open_now_count (at the as-of moment), the
        7-day sums of its last day, opened/closed/net a week, and those of closure age over the window.
        """
        return self._kept(("header", window, label), lambda: self._header(window, label))

    def _header(self, window: Window, label: str | None) -> dict[str, Any]:
        with relations(self._database, self.published, label) as made:
            made.whole_flow()
            sums = made.row("gold", "flow_window", as_of_at=window.end_at, windows_days=[window.days])
            now = made.con.sql("select max_by(open_at_end, flow_date) from daily_flow").fetchall()[0][0]
        weeks = window.days / DAYS_PER_WEEK
        return {
            "start_date": window.start_date,
            "end_date": window.end_date,
            **sums,
            "open_at_start": sums["open_at_end"] - sums["net_change"],
            "open_now_count": now,
            "opened_per_week": sums["opened_count"] / weeks,
            "closed_per_week": sums["closed_count"] / weeks,
            "net_change_per_week": sums["net_change"] / weeks,
            **self.closure_in_window(window, label),
        }

    def mart(self, mart: Mart, window: Window, label: str | None = None) -> pa.Table:
        """Return the window's rows of a mart that has an answer, by its own statement and in its order."""
        return self._kept((mart.name, window, label), lambda: self._mart(mart, window, label))

    def _mart(self, mart: Mart, window: Window, label: str | None) -> pa.Table:
        assert mart.answer
        if mart.answer.over == "time":
            return conversations.in_time(self.published, mart, window)
        with relations(self._database, self.published, label) as made:
            table = OVER[mart.answer.over](made, mart.name, window)
        chosen = table.select([column.name for column in mart.answer_columns])
        return chosen.sort_by(list(mart.answer.sort)) if mart.answer.sort else chosen

    def daily_flow(self, window: Window, label: str | None = None) -> pa.Table:
        """Return the days of `mart_issue_daily_flow` in the window, in order."""
        return self.mart(issue_daily_flow.MART, window, label)

    def closure_age(self, window: Window, label: str | None = None) -> ClosureAge:
        """Return the figures of `mart_issue_closure_age_monthly` for the window and its months.

        A month the window cuts counts only the closings within it; Kaplan-Meier is as of the window's end.
        """
        months = self.mart(issue_closure_age_monthly.MART, window, label)
        return ClosureAge(self.closure_in_window(window, label), months)

    def closure_in_window(self, window: Window, label: str | None = None) -> dict[str, Any]:
        """Return the same figures of the whole window."""
        return self._kept(("closure_in_window", window, label), lambda: self._in_window(window, label))

    def _in_window(self, window: Window, label: str | None) -> dict[str, Any]:
        with relations(self._database, self.published, label) as made:
            rows = closings_in_one(made, issue_closure_age_monthly.MART.name, window).to_pylist()
        figures = rows[-1] if rows else NO_CLOSURE
        return {name: figures[name] for name in NO_CLOSURE}

    def weekday_rhythm(self, window: Window, label: str | None = None) -> pa.Table:
        """Return `mart_issue_weekday_rhythm` for the window: 14 rows, Monday first."""
        return self.mart(issue_weekday_rhythm.MART, window, label)

    def swing_days(self, window: Window, label: str | None = None) -> pa.Table:
        """Return `mart_issue_swing_days` for the window: its ten largest days each way, with their issues."""
        return self.mart(issue_swing_days.MART, window, label)

    def labels(self, window: Window, label: str | None = None) -> pa.Table:
        """Return the backlog and the window's flows by label, as `mart_backlog_by_label` counts them."""
        return self.mart(backlog_by_label.MART, window, label)

    def ages(self, window: Window, label: str | None = None) -> pa.Table:
        """Return `mart_backlog_by_age` at the window's end, of the latest window at the as-of moment."""
        return self.mart(backlog_by_age.MART, window, label)

    def issues(self, chosen: IssueFilter) -> ListPage:
        """Return one page of the issues that pass the filter, as they are at the as-of moment."""
        return self._kept(("issues", chosen), lambda: self._issues(chosen))

    def _issues(self, chosen: IssueFilter) -> ListPage:
        parameters = {name: value for name, value in vars(chosen).items() if name != "label"}
        with relations(self._database, self.published, chosen.label) as made:
            made.make("answers", "issue_match", **parameters)
            total = made.con.sql("select count(*) from issue_match").fetchall()[0][0]
            rows = made.table("answers", "issue_page", as_of_at=self.published.as_of_at, **parameters)
        return ListPage(total, rows)

    def read_issues(self, chosen: IssueFilter, read: Callable[[pa.RecordBatchReader], None]) -> None:
        """Hand all issues that pass the filter to `read` in stretches, in order and without paging."""
        whole = replace(chosen, limit=ALL_ISSUES, offset=0)
        parameters = {name: value for name, value in vars(whole).items() if name != "label"}
        with relations(self._database, self.published, chosen.label) as made:
            made.make("answers", "issue_match", **parameters)
            made.make("answers", "issue_page", "answer", as_of_at=self.published.as_of_at, **parameters)
            read(made.con.sql("from answer").to_arrow_reader(ROWS_A_STRETCH))

    def listed(self, mart: Mart, chosen: ListFilter) -> ListPage:
        """Return one page of a mart that is a list; raises UnknownFilter and NotCollected."""
        return self._kept(
            ("listed", mart.name, chosen),
            lambda: conversations.list_page(self._database, self.published, mart, chosen),
        )

    def read_listed(
        self, mart: Mart, chosen: ListFilter, read: Callable[[pa.RecordBatchReader], None]
    ) -> None:
        """Hand all rows of a list that pass the filter to `read` in stretches; raises as `listed` does."""
        conversations.read_list(self._database, self.published, mart, chosen, read)

    def waiting(self, chosen: ListFilter = EVERYTHING) -> Waiting:
        """Return who waits for a maintainer's word, the latest first; raises as `listed` does."""
        gaps = self.gaps(follow_up.MART)
        return self._kept(("waiting", chosen), lambda: waiting(self._database, self.published, chosen, gaps))

    def thread_labels(self) -> list[str]:
        """Return the names of the labels that issues and pull requests have now, sorted."""
        return self._kept(
            ("thread labels",), lambda: conversations.labels_in_use(self._database, self.published)
        )

    def people(self) -> list[str]:
        """Return the logins of everyone who acted here, sorted."""
        column = self.published.conversations[contributor.MART.name].to_table(columns=["person_login"])
        return sorted(login for login in column["person_login"].to_pylist() if login)

    def gaps(self, mart: Mart) -> tuple[str, ...]:
        """Return what a mart's figures lack, in words; raises NotCollected."""
        found: tuple[str, ...] = ()
        if mart.answer and mart.answer.needs_reviews:
            found += self._kept(("gaps",), lambda: conversations.gaps(self._database, self.published))
        if mart.answer and mart.answer.needs_members:
            found += self._kept(("member gap",), lambda: tuple(filter(None, [self.published.member_gap()])))
        return found

    def label_names(self) -> list[str]:
        """Return the names of all labels in use, those of most open issues first."""
        window = self.window("all")
        return self.labels(window)["label_name"].to_pylist()

    def _kept(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        return self._cache.get((self.published.repo, self.published.version, key), compute)


def _scope(label: str | None) -> str:
    return "" if label is None else f", label {label}"
