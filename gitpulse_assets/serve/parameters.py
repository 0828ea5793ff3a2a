"""What a request may say, with its bounds: one place for the routes' parameters."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Literal

from fastapi import Path, Query, Request
from pydantic import BeforeValidator

from gitpulse_assets.answers.conversations import ListFilter
from gitpulse_assets.answers.repository import IssueFilter, IssueSort, IssueState, RepositoryAnswers
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window, completed
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.bounds import LABEL_LENGTH_MAX, LOGIN_LENGTH_MAX, read_day
from gitpulse_assets.serve.problems import BadRequest

MOST_ROWS = 1_000
LARGEST_OFFSET = 10_000_000

Day = Annotated[date, BeforeValidator(read_day)]
Owner = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$",
        description="Owner, in any letter case.",
        examples=["acme"],
    ),
]
Name = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="Name, in any letter case.", examples=["rocket"]),
]
WindowName = Annotated[
    Literal["28", "90", "180", "all"] | None,
    Query(
        description="The last 28, 90 or 180 complete UTC days, or all; 90 unless `from` or `to` is given. "
        "With one of these: so many days from it or up to it; with both it is refused."
    ),
]
From = Annotated[
    Day | None, Query(alias="from", description="First UTC day of the window; the data's first unless given.")
]
To = Annotated[
    Day | None, Query(alias="to", description="Its last UTC day; the last complete one unless given.")
]
Label = Annotated[
    str | None,
    Query(
        max_length=LABEL_LENGTH_MAX,
        description="Only issues that have this label now, exactly so spelt; `(no label)`: those without.",
    ),
]
ThreadLabel = Annotated[
    str | None,
    Query(
        max_length=LABEL_LENGTH_MAX,
        description="Only issues and pull requests that have this label now, exactly so spelt; `(no label)`: "
        "those without.",
    ),
]
ThreadPerson = Annotated[
    str | None,
    Query(
        max_length=LOGIN_LENGTH_MAX,
        description="Only what this login opened, is assigned to or shall review, in any letter case.",
    ),
]
Person = Annotated[
    str | None,
    Query(max_length=LOGIN_LENGTH_MAX, description="Only the person of this login, in any letter case."),
]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows on the page.")]
Offset = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Rows to leave out before it.")]
FormatName = Annotated[
    Literal["json", "csv", "parquet"] | None,
    Query(description="Instead of the Accept header: json (the default), csv or parquet."),
]


def refuse_unknown(request: Request) -> None:
    """Refuse what the route does not know: a misspelt filter would be answered as if it held."""
    described = request.app.openapi()["paths"][request.scope["route"].path]["get"]
    known = {one["name"] for one in described.get("parameters", []) if one["in"] == "query"}
    unknown = [name[:40] for name in request.query_params if name not in known]
    if unknown:
        raise BadRequest(f"{', '.join(unknown)}: not known here; known are {', '.join(sorted(known))}")


@dataclass(frozen=True)
class Scope:
    """A repository, a window (found by the data) and a part of the backlog, as a request names them."""

    repo: Repo
    window_name: str | None
    start: date | None
    end: date | None
    label: str | None
    of_conversations: bool = False

    def window(self, answers: RepositoryAnswers) -> Window:
        """Return the window; raises WindowError where there is none such."""
        if self.window_name in (None, "all"):
            days = self.window_name or DEFAULT_WINDOW_DAYS
            return answers.window(days, self.start, self.end, of_conversations=self.of_conversations)
        days = int(self.window_name)
        return answers.window(days, *completed(days, self.start, self.end))


def scope(
    owner: Owner,
    name: Name,
    window: WindowName = None,
    start: From = None,
    end: To = None,
    label: Label = None,
) -> Scope:
    """Read the parameters that all figures share."""
    if window and start and end:
        raise BadRequest("window: give it with from or with to, not both")
    return Scope(Repo.parse(f"{owner}/{name}"), window, start, end, label)


def issue_filter(
    state: Annotated[IssueState, Query(description="departed: transferred, converted or deleted.")] = "all",
    label: Label = None,
    opened_from: Annotated[Day | None, Query(description="Created on this UTC day or later.")] = None,
    opened_to: Annotated[Day | None, Query(description="Created on this UTC day or earlier.")] = None,
    closed_from: Annotated[Day | None, Query(description="Last closed on this UTC day or later.")] = None,
    closed_to: Annotated[Day | None, Query(description="Last closed on this UTC day or earlier.")] = None,
    moved_on: Annotated[
        Day | None,
        Query(description="Entered or left the backlog on this UTC day: the issues of a swing day."),
    ] = None,
    sort: Annotated[IssueSort, Query(description="oldest, newest: by creation.")] = "oldest",
    limit: Limit = 50,
    offset: Offset = 0,
) -> IssueFilter:
    """Read the parameters of the issue list."""
    return IssueFilter(
        state, label, opened_from, opened_to, closed_from, closed_to, moved_on, sort, limit, offset
    )


def time_scope(
    owner: Owner, name: Name, window: WindowName = None, start: From = None, end: To = None
) -> Scope:
    """Read the parameters of figures that no label narrows."""
    return replace(scope(owner, name, window, start, end), of_conversations=True)


def thread_filter(
    label: ThreadLabel = None, person: ThreadPerson = None, limit: Limit = 50, offset: Offset = 0
) -> ListFilter:
    """Read the parameters of a list of issues and pull requests."""
    return ListFilter(label, person, limit=limit, offset=offset)


def person_filter(person: Person = None, limit: Limit = 50, offset: Offset = 0) -> ListFilter:
    """Read the parameters of a list of people."""
    return ListFilter(person=person, limit=limit, offset=offset)


def page_links(request: Request, chosen: IssueFilter | ListFilter, total_count: int) -> str:
    """Return the `Link` header of a page (RFC 8288): first, prev, next and last, where there are such."""
    last = max(0, (total_count - 1) // chosen.limit * chosen.limit)
    offsets = {"first": 0, "last": last}
    if chosen.offset > 0:
        offsets["prev"] = max(0, chosen.offset - chosen.limit)
    if chosen.offset + chosen.limit < total_count:
        offsets["next"] = chosen.offset + chosen.limit
    links = []
    for name, offset in offsets.items():
        url = request.url.include_query_params(offset=offset, limit=chosen.limit)
        links.append(f'<{request.app.state.root}{url.path}?{url.query}>; rel="{name}"')
    return ", ".join(links)
