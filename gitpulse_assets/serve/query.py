"""What a reader chose, as it stands in the page's address: every filter works without JavaScript.

Each parameter is read and bounded here, and written back into links. What is done with it belongs to page.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, get_args
from urllib.parse import urlencode

from gitpulse_assets.answers.conversations import ListFilter
from gitpulse_assets.answers.repository import IssueFilter, IssueSort, IssueState, RepositoryAnswers
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.bounds import LABEL_LENGTH_MAX, LOGIN_LENGTH_MAX, read_day

ISSUES_A_PAGE = 25
PAGE_MAX = 1_000_000
# Names in the address for what Python or a reader calls otherwise.
SPELT = {"start": "from", "end": "to"}
DATES = frozenset(SPELT.values())


class BadQuery(ValueError):
    """A parameter that cannot be used; str() says which, why, and what can."""


@dataclass(frozen=True)
class PageQuery:
    """The parameters of the page; None and the defaults are left out of links."""

    repo: str = ""
    window: str = str(DEFAULT_WINDOW_DAYS)
    start: date | None = None
    end: date | None = None
    label: str | None = None
    day: date | None = None
    state: IssueState = "open"
    sort: IssueSort = "oldest"
    page: int = 1
    person: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "PageQuery":
        """Read an address's parameters; empty ones, as a form sends them, count as absent.

        Raises BadQuery.
        """
        found = chosen_span({name: value for name, value in given.items() if value})
        query = cls(
            repo=found.get("repo", ""),
            window=found.get("window", cls.window),
            start=day_of(found, "from"),
            end=day_of(found, "to"),
            label=found.get("label"),
            day=day_of(found, "day"),
            page=number_of(found, "page"),
            person=found.get("person"),
        )
        if query.label and len(query.label) > LABEL_LENGTH_MAX:
            raise BadQuery(f"label: no label has more than {LABEL_LENGTH_MAX} characters")
        if query.person and len(query.person) > LOGIN_LENGTH_MAX:
            raise BadQuery(f"person: no login has more than {LOGIN_LENGTH_MAX} characters")
        state = one_of(found, "state", get_args(IssueState), "all" if query.day else "open")
        sort = one_of(found, "sort", get_args(IssueSort), cls.sort)
        return replace(query, state=state, sort=sort)

    def chosen_repo(self) -> Repo:
        """Raises InvalidRepo."""
        return Repo.parse(self.repo)

    def chosen_window(self, answers: RepositoryAnswers, *, of_conversations: bool = False) -> Window:
        """Raises BadQuery or WindowError, and as `RepositoryAnswers.window` does."""
        if self.window == "all":
            return answers.window("all", self.start, self.end, of_conversations=of_conversations)
        if not self.window.isascii() or not self.window.isdigit() or len(self.window) > 6:
            raise BadQuery(f"window: {self.window[:40]!r} is no number of days; write 90, or all")
        return answers.window(int(self.window), self.start, self.end)

    def issue_filter(self, window: Window) -> IssueFilter:
        """The page's issues: those of a swing day, or by state, where closed ones are those of the window."""
        is_windowed = self.state == "closed" and not self.day
        return IssueFilter(
            state=self.state,
            label=self.label,
            closed_from=window.start_date if is_windowed else None,
            closed_to=window.end_date if is_windowed else None,
            moved_on=self.day,
            sort=self.sort,
            limit=ISSUES_A_PAGE,
            offset=(self.page - 1) * ISSUES_A_PAGE,
        )

    def list_filter(self, limit: int, offset: int = 0) -> ListFilter:
        """The part of a list that the label and the person leave."""
        return ListFilter(self.label, self.person, limit=limit, offset=offset)

    def parameters(self) -> list[tuple[str, str]]:
        """What an address has to say to mean this."""
        said = []
        for field in fields(self):
            value = getattr(self, field.name)
            is_told = value != field.default or (field.name == "state" and self.day)
            if value is not None and is_told:
                said.append((SPELT.get(field.name, field.name), str(value)))
        return said

    def of_story(self) -> "PageQuery":
        """The same without what chooses issues: what the story depends on."""
        return PageQuery(self.repo, self.window, self.start, self.end, self.label)

    def between_pages(self) -> str:
        """The address's parameters on another of the repository's pages: what all of them know."""
        return f"?{urlencode(replace(self.of_story(), label=None).parameters())}"

    def link(self, **changes: Any) -> str:
        """The address of the page with some parameters changed; its first page of issues unless said."""
        changed = replace(self, **({"page": 1} | changes))
        return f"?{urlencode(changed.parameters())}"


def chosen_span(given: Mapping[str, str]) -> Mapping[str, str]:
    """Leave either a window or dates: those the reader changed, where the form sends what it showed before.

    Raises BadQuery where an address says both.
    """
    if "window" not in given or not DATES & given.keys():
        return given
    if "shown" not in given:
        raise BadQuery("window: give either window, or from and to, not both")
    dropped = {"window"} if given["window"] == given["shown"] else DATES
    return {name: value for name, value in given.items() if name not in dropped}


def day_of(given: Mapping[str, str], name: str) -> date | None:
    """The parameter as a day, None where it is absent; raises BadQuery."""
    if name not in given:
        return None
    try:
        return read_day(given[name])
    except ValueError as error:
        raise BadQuery(f"{name}: {error}") from None


def number_of(given: Mapping[str, str], name: str) -> int:
    """The parameter as the number of a page, 1 where it is absent; raises BadQuery."""
    text = given.get(name, "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:8]) <= PAGE_MAX or len(text) > 7:
        raise BadQuery(f"{name}: {text[:40]!r} is no page; pages are numbered from 1 to {PAGE_MAX:,}")
    return int(text)


def one_of(given: Mapping[str, str], name: str, known: tuple[Any, ...], default: str) -> Any:
    """The parameter as one of the known values; raises BadQuery."""
    value = given.get(name, default)
    if value not in known:
        raise BadQuery(f"{name}: {value[:40]!r} is none of {', '.join(known)}")
    return value
