"""The pages of conversations and their downloads: an address becomes a question, its answer a response.

What is told comes from `page/conversations.py`. They are there where the subject is chosen.
"""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from gitpulse_assets.answers.conversations import ListFilter
from gitpulse_assets.answers.errors import NoAnswer, UnknownFilter
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.window import Window, WindowError
from gitpulse_assets.page.conversations import (
    KINDS,
    ROWS_A_PAGE,
    PageTold,
    contributors,
    pull_requests,
    responsiveness,
)
from gitpulse_assets.page.html import render
from gitpulse_assets.repo import InvalidRepo
from gitpulse_assets.serve.assets import asset_urls
from gitpulse_assets.serve.download import list_as, sent
from gitpulse_assets.serve.media import MEDIA_TYPES
from gitpulse_assets.serve.page import HEADERS, html, shown_window, trouble, unanswered, window_choices
from gitpulse_assets.serve.query import BadQuery, PageQuery
from gitpulse_assets.serve.sections import CONTRIBUTORS_PAGE, PULL_REQUESTS, RESPONSIVENESS, TITLES, sections

Tell = Callable[[RepositoryAnswers, Window, ListFilter], PageTold]

REFUSED = (BadQuery, WindowError, InvalidRepo, UnknownFilter)
TELL: dict[str, Tell] = {
    RESPONSIVENESS: responsiveness,
    PULL_REQUESTS: pull_requests,
    CONTRIBUTORS_PAGE: contributors,
}
# Whom a label narrows: people have none.
NOT_BY_LABEL = (CONTRIBUTORS_PAGE,)

conversations_router = APIRouter(include_in_schema=False)


def add_page(path: str, tell: Tell) -> None:
    """Give one of the pages its route."""

    @conversations_router.get(f"/{path}", response_class=HTMLResponse, name=path)
    def page(request: Request) -> Response:
        root: str = request.app.state.root
        answers: LakeAnswers = request.app.state.answers
        try:
            query = PageQuery.read(request.query_params)
            repo = query.chosen_repo()
            text = answers.ask(repo, lambda asked: written(request, asked, path, tell, query))
            return html(text)
        except REFUSED as error:
            return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be shown", str(error))
        except NoAnswer as error:
            return unanswered(root, error)


for path, tell in TELL.items():
    add_page(path, tell)


def written(request: Request, asked: RepositoryAnswers, path: str, tell: Tell, query: PageQuery) -> str:
    """One page of a repository as it is published now; raises what `REFUSED` names."""
    root: str = request.app.state.root
    answers: LakeAnswers = request.app.state.answers
    window = query.chosen_window(asked, of_conversations=True)
    if path in NOT_BY_LABEL and query.label:
        raise BadQuery("label: people have no label; leave it out here")
    told = tell(asked, window, query.list_filter(ROWS_A_PAGE, (query.page - 1) * ROWS_A_PAGE))
    return render(
        f"{path.replace('-', '_')}.html",
        assets=asset_urls(root),
        title=TITLES[path],
        path=path,
        sections=sections(root, query.between_pages(), path),
        published=asked.published,
        status=answers.status(asked.published.repo),
        repos=[repo.key for repo in answers.repos()],
        query=query,
        window=window,
        windows=window_choices(query, window),
        shown=shown_window(query),
        labels=[] if path in NOT_BY_LABEL else asked.thread_labels(),
        people=asked.people(),
        told=told,
        page_count=max(1, -(-told.lists[0].total_count // ROWS_A_PAGE)),
    )


@conversations_router.get("/download/lists/{route}.csv")
def list_file(request: Request, route: str) -> Response:
    """Send a whole list as CSV, by the label and the person that the page shows."""
    root: str = request.app.state.root
    answers: LakeAnswers = request.app.state.answers
    if route not in KINDS:
        return trouble(root, HTTPStatus.NOT_FOUND, "There is no such list", f"lists are {', '.join(KINDS)}")
    try:
        query = PageQuery.read(request.query_params)
        repo = query.chosen_repo()
        file = answers.ask(repo, lambda asked: list_as(asked, KINDS[route].mart, query))
    except REFUSED as error:
        return trouble(root, HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be downloaded", str(error))
    except NoAnswer as error:
        return unanswered(root, error)
    name = f"{repo.owner}-{repo.name}-{route}.csv"
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(sent(file), media_type=MEDIA_TYPES["csv"], headers=headers)
