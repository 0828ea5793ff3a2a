"""The routes of the HTTP API: a question of `answers/` each, put as the parameters say.

How a reply looks stands in `replies.py`, what the document says of it in `documents.py`.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends, Request, Response

from gitpulse_assets.answers import waiting
from gitpulse_assets.answers.conversations import ListFilter, ListPage
from gitpulse_assets.answers.lake_answers import LakeAnswers, RepositoryStatus
from gitpulse_assets.answers.published import Published
from gitpulse_assets.answers.repository import IssueFilter, RepositoryAnswers
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.mart import Answer, Mart
from gitpulse_assets.marts import follow_up
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve import columns
from gitpulse_assets.serve.documents import documented, refusals, row_example, row_schema, rows_of
from gitpulse_assets.serve.parameters import (
    FormatName,
    Name,
    Owner,
    Scope,
    ThreadLabel,
    ThreadPerson,
    issue_filter,
    page_links,
    person_filter,
    refuse_unknown,
    scope,
    thread_filter,
    time_scope,
)
from gitpulse_assets.serve.replies import Envelope, Replies

router = APIRouter(prefix="/api", tags=["answers"], dependencies=[Depends(refuse_unknown)])
REPOSITORY = "/repository/{owner}/{name}"
TOTAL_COUNT = {"type": "integer", "description": "Rows that pass the filter, on all pages."}
PERSON = {"type": ["string", "null"], "description": "The person the answer is narrowed to."}
NOT_KNOWN = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What the figures lack, since nobody told it; empty where nothing.",
}

Scoped = Annotated[Scope, Depends(scope)]


def answers_of(request: Request) -> LakeAnswers:
    """The application's answers."""
    return request.app.state.answers


def replies_of(request: Request) -> Replies:
    """The application's replies."""
    return request.app.state.replies


def envelope(
    published: Published, status: RepositoryStatus, window: Window | None, label: str | None
) -> dict[str, Any]:
    """Say what the rows are about: the publication they are of, and what the lake lacks beyond it."""
    about = {
        "repository": published.full_name,
        "as_of_at": published.as_of_at,
        "is_complete": status.is_complete,
        "note": status.note,
        "label": label,
    }
    days = window and {"start_date": window.start_date, "end_date": window.end_date, "days": window.days}
    return about | ({"window": days} if days else {})


def version_of(published: Published, status: RepositoryStatus) -> str:
    """Changes with everything an envelope and its rows follow from."""
    return f"{published.version} {status.note}"


def reply_page(
    request: Request,
    repo: Repo,
    format_name: str | None,
    chosen: IssueFilter | ListFilter,
    page_of: Callable[[RepositoryAnswers], ListPage],
    extra: Callable[[RepositoryAnswers], Envelope],
) -> Response:
    """Reply with one page of a list, with the way to the others, and with `extra` members in JSON."""
    answers = answers_of(request)
    status = answers.status(repo)

    def put(of: RepositoryAnswers) -> Response:
        def made() -> tuple[Envelope, pa.Table]:
            page = page_of(of)
            about = envelope(of.published, status, None, chosen.label)
            return about | {"total_count": page.total_count} | dict(extra(of)), page.rows

        def headers() -> dict[str, str]:
            total = page_of(of).total_count
            return {"Link": page_links(request, chosen, total), "X-Total-Count": str(total)}

        version = version_of(of.published, status)
        return replies_of(request).table(request, version, format_name, made, headers)

    return answers.ask(repo, put)


TableAnswer = Callable[[RepositoryAnswers, Window, str | None], pa.Table]
RecordAnswer = Callable[[RepositoryAnswers, Window, str | None], Envelope]


def reply_table(
    request: Request,
    asked: Scope,
    format_name: str | None,
    answer: TableAnswer,
    extra: RecordAnswer,
) -> Response:
    """Reply with a table about the window, with `extra` members in JSON."""
    answers = answers_of(request)
    status = answers.status(asked.repo)

    def put(of: RepositoryAnswers) -> Response:
        window = asked.window(of)

        def made() -> tuple[Envelope, pa.Table]:
            rows = answer(of, window, asked.label)
            return envelope(of.published, status, window, asked.label) | dict(
                extra(of, window, asked.label)
            ), rows

        return replies_of(request).table(request, version_of(of.published, status), format_name, made)

    return answers.ask(asked.repo, put)


def reply_record(request: Request, asked: Scope, name: str, answer: RecordAnswer) -> Response:
    """Reply with one record about the window."""
    answers = answers_of(request)
    status = answers.status(asked.repo)

    def put(of: RepositoryAnswers) -> Response:
        window = asked.window(of)
        return replies_of(request).record(
            request,
            version_of(of.published, status),
            lambda: (
                envelope(of.published, status, window, asked.label) | {name: answer(of, window, asked.label)}
            ),
        )

    return answers.ask(asked.repo, put)


@router.get(
    "/repositories",
    responses={
        200: {
            "description": "Every repository of which anything was fetched.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["rows"],
                        "properties": {"rows": {"type": "array", "items": row_schema(columns.REPOSITORIES)}},
                    },
                    "example": {"rows": [row_example(columns.REPOSITORIES)]},
                },
                "text/csv": {"schema": {"type": "string"}},
                "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        304: {"description": "What `If-None-Match` names is still the answer."},
        **refusals("401", "422", "429", "503"),
    },
)
def repositories(request: Request, format: FormatName = None) -> Response:
    """List the repositories, each with its verdict of 90 days and how fresh and complete its data are."""
    rows = [repository_row(status) for status in answers_of(request).repositories()]
    schema = pa.schema([pa.field(column.name, column.type) for column in columns.REPOSITORIES])
    version = "\n".join(repr(row) for row in rows)
    return replies_of(request).table(
        request, version, format, lambda: ({}, pa.Table.from_pylist(rows, schema))
    )


def repository_row(status: RepositoryStatus) -> dict[str, Any]:
    """A row of the list: freshness, and the verdict of 90 days where there is one."""
    verdicts = {row["window_days"]: row for row in status.verdicts}
    verdict = verdicts.get(DEFAULT_WINDOW_DAYS, {})
    told = asdict(status) | {"repository": status.full_name, "is_complete": status.is_complete} | verdict
    return {column.name: told.get(column.name) for column in columns.REPOSITORIES}


@router.get(
    f"{REPOSITORY}/verdict",
    responses=documented(
        {"verdict": (row_schema(MART_BACKLOG_VERDICT.columns), row_example(MART_BACKLOG_VERDICT.columns))},
        is_table=False,
    ),
)
def verdict(request: Request, asked: Scoped) -> Response:
    """Say whether the backlog grew or shrank in the window, how fast, why, and how sure that is.

    The change is exact for every window; a pace with its interval is told for 28 to 366 days.
    """
    return reply_record(request, asked, "verdict", lambda of, window, label: of.verdict(window, label))


@router.get(
    f"{REPOSITORY}/summary",
    responses=documented(
        {"summary": (row_schema(columns.SUMMARY), row_example(columns.SUMMARY))}, is_table=False
    ),
)
def summary(request: Request, asked: Scoped) -> Response:
    """Give the window's header figures: flows, stocks, paces a week, and how old issues were when closed."""
    return reply_record(request, asked, "summary", lambda of, window, label: of.header(window, label))


def nothing_more(of: RepositoryAnswers, window: Window, label: str | None) -> Envelope:
    """No members beside the rows."""
    return {}


def in_window(of: RepositoryAnswers, window: Window, label: str | None) -> Envelope:
    """The figures of the whole window beside its months."""
    return {"in_window": of.closure_in_window(window, label)}


IN_WINDOW = {"in_window": (row_schema(columns.CLOSURE_WINDOW), row_example(columns.CLOSURE_WINDOW))}


def add_route(to: APIRouter, answer: Answer, route: Callable[..., Response], **said: Any) -> None:
    """Give an answer its route; `said` as `documented` takes it."""
    to.add_api_route(
        f"{REPOSITORY}/{answer.route}",
        route,
        methods=["GET"],
        name=answer.route.replace("-", "_"),
        description=answer.question,
        responses=documented(**said),
    )


def add_windowed(to: APIRouter, mart: Mart, answer: Answer) -> None:
    """A mart that answers for a window by its own statement."""
    is_monthly = answer.over == "closings"
    extra = in_window if is_monthly else nothing_more
    payload = (IN_WINDOW if is_monthly else {}) | rows_of(mart.answer_columns)

    def route(request: Request, asked: Scoped, format: FormatName = None) -> Response:
        return reply_table(
            request, asked, format, lambda of, window, label: of.mart(mart, window, label), extra
        )

    add_route(to, answer, route, payload=payload)


def add_series(to: APIRouter, mart: Mart, answer: Answer) -> None:
    """A mart whose published rows of the window's days or months are the answer."""

    def gaps(of: RepositoryAnswers, window: Window, label: str | None) -> Envelope:
        return {"not_known": of.gaps(mart)}

    def route(
        request: Request, asked: Annotated[Scope, Depends(time_scope)], format: FormatName = None
    ) -> Response:
        return reply_table(request, asked, format, lambda of, window, _: of.mart(mart, window), gaps)

    add_route(to, answer, route, payload=rows_of(mart.answer_columns), not_known=NOT_KNOWN)


def add_list(to: APIRouter, mart: Mart, answer: Answer) -> None:
    """A mart that is a list, a page at a time."""
    read = thread_filter if answer.over == "threads" else person_filter

    def route(
        request: Request,
        owner: Owner,
        name: Name,
        chosen: Annotated[ListFilter, Depends(read)],
        format: FormatName = None,
    ) -> Response:
        def told(of: RepositoryAnswers) -> Envelope:
            return {"person": chosen.person, "not_known": of.gaps(mart)}

        repo = Repo.parse(f"{owner}/{name}")
        return reply_page(request, repo, format, chosen, lambda of: of.listed(mart, chosen), told)

    more = {"total_count": TOTAL_COUNT, "person": PERSON, "not_known": NOT_KNOWN}
    add_route(to, answer, route, payload=rows_of(mart.answer_columns), is_windowed=False, **more)


def add_mart(to: APIRouter, mart: Mart) -> None:
    """Give a mart's answer its route, where it has one."""
    if mart.answer:
        kinds = {"time": add_series, "threads": add_list, "people": add_list}
        kinds.get(mart.answer.over, add_windowed)(to, mart, mart.answer)


def add_act_first(to: APIRouter) -> None:
    """The one question that several marts of conversations answer together."""

    def act_first(
        request: Request,
        owner: Owner,
        name: Name,
        label: ThreadLabel = None,
        person: ThreadPerson = None,
    ) -> Response:
        """Say whom to answer first: how many wait longer than promised, or gave what was asked."""
        answers, repo = answers_of(request), Repo.parse(f"{owner}/{name}")
        status, chosen = answers.status(repo), ListFilter(label, person)

        def put(of: RepositoryAnswers) -> Response:
            def made() -> Envelope:
                told = {"person": person, "not_known": of.gaps(follow_up.MART)}
                about = envelope(of.published, status, None, label)
                return about | told | {"act_first": of.waiting(chosen).record()}

            return replies_of(request).record(request, version_of(of.published, status), made)

        return answers.ask(repo, put)

    payload = {"act_first": (row_schema(waiting.COLUMNS), row_example(waiting.COLUMNS))}
    more = {"person": PERSON, "not_known": NOT_KNOWN}
    said = documented(payload, is_table=False, is_windowed=False, **more)
    to.add_api_route(f"{REPOSITORY}/act-first", act_first, methods=["GET"], responses=said)


for mart in MARTS:
    add_mart(router, mart)
if CONTRIBUTORS in chosen_subjects():
    add_act_first(router)


@router.get(
    f"{REPOSITORY}/issues",
    responses=documented(rows_of(columns.ISSUES), is_windowed=False, total_count=TOTAL_COUNT),
)
def issues(
    request: Request,
    owner: Owner,
    name: Name,
    chosen: Annotated[IssueFilter, Depends(issue_filter)],
    format: FormatName = None,
) -> Response:
    """List issues as they are at the as-of moment, a page at a time.

    `Link` leads to the other pages, `X-Total-Count` says how many issues there are in all.
    """
    repo = Repo.parse(f"{owner}/{name}")
    return reply_page(request, repo, format, chosen, lambda of: of.issues(chosen), lambda of: {})
