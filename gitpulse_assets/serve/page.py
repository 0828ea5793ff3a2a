"""The page for people: the story of a repository, the list of all, and downloads of the issues shown.

What is told comes from `page/story.py`, the same as in the report; here an address becomes a question and its
answer a response. What has no answer yet is a page that says what to do; what cannot be read is refused as
the API refuses it.
"""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from markupsafe import Markup

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.errors import FirstSyncUnfinished, NoAnswer, NotCollected, UnknownRepository
from gitpulse_assets.answers.lake_answers import LakeAnswers, RepositoryStatus
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window, WindowError
from gitpulse_assets.charts import charts
from gitpulse_assets.metrics.clock import TooLong
from gitpulse_assets.metrics.event_days import NoEvents
from gitpulse_assets.page.events import events_page
from gitpulse_assets.page.html import render
from gitpulse_assets.page.story import Story, card, figures, tell
from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.serve.assets import asset_urls, assets_router
from gitpulse_assets.serve.download import issues_as, sent
from gitpulse_assets.serve.media import MEDIA_TYPES
from gitpulse_assets.serve.query import ISSUES_A_PAGE, BadQuery, PageQuery
from gitpulse_assets.serve.sections import BACKLOG, sections
from gitpulse_assets.transform.verdict import WINDOWS_DAYS

WINDOWS = (*((str(days), f"{days} days") for days in (*WINDOWS_DAYS, 365)), ("all", "whole history"))
# What the form says it showed where the window was chosen by dates.
BY_DATES = "dates"
STATES = (("open", "open"), ("closed", "closed in the window"), ("departed", "departed"), ("all", "all"))
SORTS = (
    ("oldest", "oldest first"),
    ("most_discussed", "most discussed"),
    ("recently_updated", "recently updated"),
    ("newest", "newest first"),
)
EVENT_WINDOWS = {
    "60": "Last hour",
    "360": "Last 6 hours",
    "1440": "Last 24 hours",
    "10080": "Last 7 days",
    "43200": "Last 30 days",
}
DEFAULT_MINUTES = "1440"
# A page is some hundred kilobytes.
PAGES_KEPT = 64
# Beside the headers every reply has. Nothing is fetched from elsewhere, run from text, or framed; the
# interpreter of page.js needs no eval.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}

page_router = APIRouter(include_in_schema=False)
page_router.include_router(assets_router)
pages, stories = ResultCache(PAGES_KEPT), ResultCache(PAGES_KEPT)


@page_router.get("/", response_class=HTMLResponse)
def index(request: Request) -> Response:
    """Tell the story of the repository chosen, or list them all."""
    answers: LakeAnswers = request.app.state.answers
    root: str = request.app.state.root
    try:
        query = PageQuery.read(request.query_params)
        if not query.repo:
            return overview(root, answers, query)
        return html(repository_page(root, answers, query.chosen_repo(), query))
    except (BadQuery, WindowError, InvalidRepo) as error:
        return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be shown", str(error))
    except NoAnswer as error:
        return unanswered(root, error)


@page_router.get("/download/issues.{kind}")
def issues_file(request: Request, kind: Literal["csv", "parquet"]) -> Response:
    """Send every issue that the page's table pages through, as CSV or Parquet."""
    root: str = request.app.state.root
    try:
        query = PageQuery.read(request.query_params)
        repo = query.chosen_repo()
        answers: LakeAnswers = request.app.state.answers
        file = answers.ask(repo, lambda asked: issues_as(kind, asked, query))
    except (BadQuery, WindowError, InvalidRepo) as error:
        return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be downloaded", str(error))
    except NoAnswer as error:
        return unanswered(root, error)
    name = f"{repo.owner}-{repo.name}-issues.{kind}"
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(sent(file), media_type=MEDIA_TYPES[kind], headers=headers)


@page_router.get("/events", response_class=HTMLResponse)
def events(request: Request) -> Response:
    """Draw every metric over the time chosen."""
    root: str = request.app.state.root
    window = request.query_params.get("window") or DEFAULT_MINUTES
    if window not in EVENT_WINDOWS:
        reason = f"window: {window[:40]!r} is none of {', '.join(EVENT_WINDOWS)} (minutes)"
        return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be shown", reason)
    try:
        found = events_page(request.app.state.metrics, request.app.state.catalogue, int(window))
    except NoEvents as error:
        commands = ["gitpulse events backfill FROM TO    # UTC days, from the archives in GITPULSE_ARCHIVES"]
        return trouble(root, HTTPStatus.OK, "No public events yet", str(error), commands)
    except TooLong as error:
        return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This takes too long", str(error))
    text = render("events.html", assets=asset_urls(root), window=window, windows=EVENT_WINDOWS, **vars(found))
    return html(text)


def repository_page(root: str, answers: LakeAnswers, repo: Repo, query: PageQuery) -> str:
    """The page of a repository, kept until its data, the question or the lake's repositories change."""
    status, repos = answers.status(repo), answers.repos()

    def compose(asked: RepositoryAnswers) -> str:
        key = (root, repo, asked.published.version, query, status.note, status.seen_at, tuple(repos))
        return pages.get(key, lambda: story_page(root, asked, status, repos, query))

    return answers.ask(repo, compose)


def story_page(
    root: str, asked: RepositoryAnswers, status: RepositoryStatus, repos: list[Repo], query: PageQuery
) -> str:
    """The story with the form above and the issues below it; raises BadQuery and WindowError."""
    window, labels = query.chosen_window(asked), asked.label_names()
    if query.label and query.label not in labels:
        raise BadQuery(f"label: no issue has the label {query.label!r} now")
    key = (asked.published.repo, asked.published.version, query.of_story())
    story, told = stories.get(key, lambda: telling(asked, window, query.of_story()))
    found = asked.issues(query.issue_filter(window))
    return render(
        "repository.html",
        assets=asset_urls(root),
        sections=sections(root, query.between_pages(), BACKLOG),
        status=status,
        repos=[repo.key for repo in repos],
        query=query,
        story=story,
        told=told,
        windows=window_choices(query, window),
        shown=shown_window(query),
        sorts=SORTS,
        states=STATES,
        labels=labels,
        issues=found.rows.to_pylist(),
        total_count=found.total_count,
        page_count=max(1, -(-found.total_count // ISSUES_A_PAGE)),
        issues_title=issues_title(query),
        issues_caption=issues_caption(found.total_count, query),
    )


def telling(asked: RepositoryAnswers, window: Window, query: PageQuery) -> tuple[Story, Markup]:
    """Tell the story of a window and write it down: most of a page's work, whatever issues stand below."""
    story = tell(asked, window, query.label, lambda day: f"{query.link(day=day, state='all')}#issues")
    return story, Markup(render("story.html", story=story, figures=figures(story), drawings={}))


def shown_window(query: PageQuery) -> str:
    """The window's choice as the form shows it."""
    return BY_DATES if query.start or query.end else query.window


def window_choices(query: PageQuery, window: Window) -> list[tuple[str, str]]:
    """What the form offers, always with what is shown, so that sending it changes nothing by itself."""
    shown = shown_window(query)
    if shown == BY_DATES:
        return [("", "the days beside"), *WINDOWS]
    own = [] if shown in dict(WINDOWS) else [(shown, f"{window.days:,} days")]
    return [*own, *WINDOWS]


def issues_title(query: PageQuery) -> str:
    """Which issues stand below the story, and in which order."""
    if query.day:
        return f"Issues that moved the backlog on {query.day}"
    return {
        "open": f"Open issues, {dict(SORTS)[query.sort]}",
        "closed": "Issues closed in the window",
        "departed": "Issues that were transferred, converted or deleted",
        "all": "All issues",
    }[query.state]


def issues_caption(total_count: int, query: PageQuery) -> str:
    """Which of how many the table shows."""
    first = min(total_count, (query.page - 1) * ISSUES_A_PAGE + 1)
    last = min(total_count, query.page * ISSUES_A_PAGE)
    return f"{first:,} to {last:,} of {total_count:,} issues, as they are at the as-of moment"


def overview(root: str, answers: LakeAnswers, query: PageQuery) -> Response:
    """All repositories with their verdicts of one window, and their paces beside each other."""
    days = next((days for days in WINDOWS_DAYS if query.window == str(days)), DEFAULT_WINDOW_DAYS)
    statuses = answers.repositories()
    if not statuses:
        return trouble(
            root,
            HTTPStatus.OK,
            "No repository yet",
            "This lake is empty: nothing was fetched into it so far.",
            [
                "gitpulse refresh OWNER/NAME",
                "gitpulse demo    # or three generated repositories, without a token",
            ],
        )
    rows = [(status, verdict_of(status, days)) for status in statuses]
    known = [verdict for _, verdict in rows if verdict]
    text = render(
        "overview.html",
        assets=asset_urls(root),
        window=days,
        windows=WINDOWS_DAYS,
        repositories=rows,
        comparison=comparison_card(known),
    )
    return html(text)


def comparison_card(verdicts: list[dict]):
    """The paces of at least two repositories; None where fewer have one."""
    if sum(verdict["pace_per_week"] is not None for verdict in verdicts) < 2:
        return None
    columns = [
        ("repository", "repository"),
        ("pace_per_week", "pace a week"),
        ("pace_low_per_week", "95 % from"),
        ("pace_high_per_week", "to"),
    ]
    named = [row | {"repository": f"{row['repo_owner']}/{row['repo_name']}"} for row in verdicts]
    return card("comparison", charts.comparison(verdicts), columns, named)


def verdict_of(status: RepositoryStatus, window_days: int) -> dict | None:
    """The repository's published verdict of a window; None where there is none."""
    return next((row for row in status.verdicts if row["window_days"] == window_days), None)


def unanswered(root: str, error: NoAnswer) -> Response:
    """Say what is missing and which command mends it."""
    command = f"gitpulse refresh {error.repo}"
    if isinstance(error, FirstSyncUnfinished):
        return trouble(
            root, HTTPStatus.OK, f"{error.repo}: the first sync is not finished", str(error), [command]
        )
    if isinstance(error, NotCollected):
        return trouble(
            root, HTTPStatus.OK, f"{error.repo}: conversations are not collected yet", str(error), [command]
        )
    assert isinstance(error, UnknownRepository)
    return trouble(root, HTTPStatus.NOT_FOUND, f"{error.repo} is not known here", str(error), [command])


def trouble(
    root: str, status: HTTPStatus, heading: str, reason: str, commands: list[str] | None = None
) -> Response:
    """A page that says why there is nothing to see, and which commands help."""
    text = render(
        "trouble.html", assets=asset_urls(root), heading=heading, reason=reason, commands=commands or []
    )
    return html(text, status)


def html(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A page with the page's headers."""
    return HTMLResponse(text, status, HEADERS)
