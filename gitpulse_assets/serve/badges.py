"""The verdict's badge for a README, and the feed of verdicts that flipped.

How a badge looks stands in `charts/badge.py`, what a flip is in `answers/flips.py`, Atom in `serve/atom.py`.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from gitpulse_assets.answers.errors import FirstSyncUnfinished, NoAnswer
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.charts import badge
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve import atom
from gitpulse_assets.serve.api import answers_of, replies_of
from gitpulse_assets.serve.documents import refusals
from gitpulse_assets.serve.media import encode_json
from gitpulse_assets.serve.parameters import Name, Owner, refuse_unknown

badges_router = APIRouter(tags=["badges and feed"], dependencies=[Depends(refuse_unknown)])
SVG = "image/svg+xml"
# An image proxy such as GitHub's asks again after this; a verdict changes once a day.
MAX_AGE = "max-age=300"
Days = Annotated[Literal["28", "90", "180"], Query(description="The window of the verdict in days.")]
DAYS: Literal["90"] = "90"
BADGE = {
    200: {"description": "The badge.", "content": {SVG: {"schema": {"type": "string"}}}},
    304: {"description": "What `If-None-Match` names is still the answer."},
    404: {"description": "Nothing is known of it: a badge that says so.", "content": {SVG: {}}},
    409: {"description": "The first sync is not finished: the same.", "content": {SVG: {}}},
    **refusals("401", "422", "429", "503"),
}
TEXTS = ("label", "message", "labelColor", "color")
EXAMPLE = {"direction": "growing", "pace_per_week": 3.2}
ENDPOINT_SCHEMA = {
    "type": "object",
    "required": ["schemaVersion", *TEXTS],
    "properties": {"schemaVersion": {"const": 1}, **{name: {"type": "string"} for name in TEXTS}},
}
ENDPOINT = {
    200: {
        "description": "What shields.io's endpoint badge takes.",
        "content": {
            "application/json": {"schema": ENDPOINT_SCHEMA, "example": badge.endpoint(EXAMPLE)},
        },
    },
    304: BADGE[304],
    **refusals("401", "404", "409", "422", "429", "503"),
}
FEED = {
    200: {"description": "The feed.", "content": {atom.MEDIA_TYPE: {"schema": {"type": "string"}}}},
    304: BADGE[304],
    **refusals("401", "404", "409", "422", "429", "503"),
}
FEEDS = {
    200: {"description": "The list.", "content": {atom.LIST_MEDIA_TYPE: {"schema": {"type": "string"}}}},
    304: BADGE[304],
    **refusals("401", "422", "429", "503"),
}


@badges_router.get("/badge/{owner}/{name}.svg", response_class=Response, responses=BADGE)
def badge_svg(request: Request, owner: Owner, name: Name, window: Days = DAYS) -> Response:
    """Show the verdict as a badge for a README."""
    try:
        return badge_reply(request, owner, name, window, SVG, lambda verdict: badge.svg(verdict).encode())
    except NoAnswer as error:
        status = 409 if isinstance(error, FirstSyncUnfinished) else 404
        return Response(badge.svg(None), status, {"Cache-Control": "no-cache"}, SVG)


@badges_router.get("/badge/{owner}/{name}.json", responses=ENDPOINT)
def badge_endpoint(request: Request, owner: Owner, name: Name, window: Days = DAYS) -> Response:
    """Give the badge as shields.io's endpoint badge takes it."""
    return badge_reply(
        request, owner, name, window, "application/json", lambda verdict: encode_json(badge.endpoint(verdict))
    )


def badge_reply(request: Request, owner: str, name: str, window: str, media_type: str, encode) -> Response:
    """Reply with the published verdict of a window in some form."""

    def put(of: RepositoryAnswers) -> Response:
        def body() -> bytes:
            return encode(of.verdict(of.window(int(window))))

        return replies_of(request).document(request, of.published.version, media_type, body, MAX_AGE)

    return answers_of(request).ask(Repo.parse(f"{owner}/{name}"), put)


@badges_router.get("/feed/{owner}/{name}.atom", response_class=Response, responses=FEED)
def feed(request: Request, owner: Owner, name: Name) -> Response:
    """Tell when the repository's verdict of 90 days flipped within the last quarter, newest first."""

    def put(of: RepositoryAnswers) -> Response:
        def body() -> bytes:
            return atom.feed(page_url(request), request.url.path, of.published.full_name, of.flips())

        return replies_of(request).document(request, of.published.version, atom.MEDIA_TYPE, body, MAX_AGE)

    return answers_of(request).ask(Repo.parse(f"{owner}/{name}"), put)


@badges_router.get("/feeds.opml", response_class=Response, responses=FEEDS)
def feeds(request: Request) -> Response:
    """List the feeds of all repositories, for a feed reader to take at once."""
    paths = {repo.key: f"/feed/{repo}.atom" for repo in answers_of(request).repos()}

    def body() -> bytes:
        return atom.feed_list(page_url(request), paths)

    return replies_of(request).document(request, "\n".join(paths), atom.LIST_MEDIA_TYPE, body, MAX_AGE)


def page_url(request: Request) -> str:
    """The address of the page for its readers, without a slash at its end."""
    return request.app.state.page_url
