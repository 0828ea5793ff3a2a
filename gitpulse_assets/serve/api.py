"""The routes of the HTTP API: a question of `answers/` each, put as the parameters say.

How a reply looks stands in `replies.py`, what the document says of it in `documents.py`.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends, Request, Response

from gitpulse_assets.answers.lake_answers import LakeAnswers, RepositoryStatus
from gitpulse_assets.answers.published import Published
from gitpulse_assets.answers.repository import IssueFilter, RepositoryAnswers
from gitpulse_assets.answers.window import DEFAULT_WINDOW_DAYS, Window
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.contracts.mart import Answer, Mart
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve import columns
from gitpulse_assets.serve.documents import documented, refusals, row_example, row_schema, rows_of
from gitpulse_assets.serve.parameters import (
    FormatName,
    Name,
    Owner,
    Scope,
    issue_filter,
    page_links,
    refuse_unknown,
    scope,
)
from gitpulse_assets.serve.replies import Envelope, Replies

router = APIRouter(prefix="/api", tags=["answers"], dependencies=[Depends(refuse_unknown)])
REPOSITORY = "/repository/{owner}/{name}"
TOTAL_COUNT = {"type": "integer", "description": "Issues that pass the filter, on all pages."}

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
        {"verdict": (row_schema(columns.VERDICT), row_example(columns.VERDICT))}, is_table=False
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


def add_mart(mart: Mart, asked_for: Answer) -> None:
    """Give a mart's answer its route."""
    is_monthly = asked_for.over == "closings"
    extra = in_window if is_monthly else nothing_more
    payload = (IN_WINDOW if is_monthly else {}) | rows_of(mart.answer_columns)

    def route(request: Request, asked: Scoped, format: FormatName = None) -> Response:
        return reply_table(
            request, asked, format, lambda of, window, label: of.mart(mart, window, label), extra
        )

    router.add_api_route(
        f"{REPOSITORY}/{asked_for.route}",
        route,
        methods=["GET"],
        name=asked_for.route.replace("-", "_"),
        description=asked_for.question,
        responses=documented(payload),
    )


for mart in MARTS:
    if mart.answer:
        add_mart(mart, mart.answer)


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
    repo, answers = Repo.parse(f"{owner}/{name}"), answers_of(request)
    status = answers.status(repo)

    def put(of: RepositoryAnswers) -> Response:
        def made() -> tuple[Envelope, pa.Table]:
            page = of.issues(chosen)
            return envelope(of.published, status, None, chosen.label) | {
                "total_count": page.total_count
            }, page.rows

        def headers() -> dict[str, str]:
            total = of.issues(chosen).total_count
            return {"Link": page_links(request, chosen, total), "X-Total-Count": str(total)}

        version = version_of(of.published, status)
        return replies_of(request).table(request, version, format, made, headers)

    return answers.ask(repo, put)
