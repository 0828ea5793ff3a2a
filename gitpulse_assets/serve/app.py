"""The application: the API, the page and what surrounds both; how it is run stands in `commands/serve.py`.

It only reads the lake. Nothing is decided here about figures, formats or looks.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.store import Store
from gitpulse_assets.metrics.answers import MetricAnswers
from gitpulse_assets.metrics.catalogue import all_metrics
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve.api import router
from gitpulse_assets.serve.assistant.server import Assistant, OverHttp, mcp_server
from gitpulse_assets.serve.badges import badges_router
from gitpulse_assets.serve.conversations import conversations_router
from gitpulse_assets.serve.keys import CHALLENGE, Keys
from gitpulse_assets.serve.kpi import kpi_router
from gitpulse_assets.serve.limits import RateLimit
from gitpulse_assets.serve.middleware import AnswerHead, BelowRoot, KnownHosts
from gitpulse_assets.serve.page import page_router
from gitpulse_assets.serve.problems import add_problem_handlers, problem
from gitpulse_assets.serve.replies import Replies
from gitpulse_assets.settings import Settings

ASSISTANT_PATH = "/mcp"
OPEN_PATHS = ("/healthz",)
# Nothing is ever kept there, so that listing it is one request with a short answer.
NOWHERE = "_health/"
UNCOUNTED_PREFIX = "/static/"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
DESCRIPTION = (
    "Is a repository's open issue backlog growing or shrinking, what drives it, and where should someone act "
    "first? Every figure is of one window of UTC days, read from one published version of the tables."
)

logger = logging.getLogger(__name__)

Next = Callable[[Request], Awaitable[Response]]


def create_app(
    lake: Lake,
    settings: Settings,
    *,
    is_watched: Callable[[Repo], bool] | None = None,
    allowed_hosts: Sequence[str] = ("*",),
) -> FastAPI:
    """Make the application for one lake.

    `is_watched`: whether the watch list has a repository; None where there is no list.
    `allowed_hosts`: the Host headers that are answered.
    """
    answers = LakeAnswers(lake, is_watched)
    metrics, trouble = all_metrics(settings.metrics_file)
    if trouble:
        logger.error("GITPULSE_METRICS: none of its metrics is served\n%s", trouble)
    metric_answers = MetricAnswers(lake, answers)
    assistant = OverHttp(mcp_server(Assistant(answers, settings.page_url.rstrip("/"))))

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        async with assistant.running():
            yield
        metric_answers.close()
        answers.close()

    app = FastAPI(
        title="GitPulse",
        description=DESCRIPTION,
        version=version("gitpulse-assets"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=closing,
    )
    app.state.answers, app.state.replies, app.state.lake = answers, Replies(), lake
    app.state.metrics, app.state.catalogue = metric_answers, metrics
    app.state.root, app.state.page_url = settings.page_root, settings.page_url.rstrip("/")
    if settings.page_root:
        app.servers = [{"url": settings.page_root}]
    app.include_router(router)
    app.include_router(kpi_router(metrics))
    app.include_router(badges_router)
    app.include_router(page_router)
    if CONTRIBUTORS in chosen_subjects():
        app.include_router(conversations_router)
    app.router.routes.append(Route(ASSISTANT_PATH, endpoint=assistant))
    add_health(app)
    add_problem_handlers(app)
    add_guard(app, settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD"],
            allow_headers=["Authorization", "If-None-Match"],
            expose_headers=["ETag", "Link", "X-Total-Count", "X-Data-Quality", "Retry-After"],
        )
    if "*" not in allowed_hosts:
        app.add_middleware(KnownHosts, hosts=allowed_hosts, headers=SECURITY_HEADERS)
    app.add_middleware(BelowRoot, root=settings.page_root)
    app.add_middleware(AnswerHead)
    return app


def add_health(app: FastAPI) -> None:
    """Add the route by which a supervisor asks whether the server can do its work."""

    @app.get("/healthz", tags=["operation"], responses={503: {"description": "The tables cannot be read."}})
    async def healthz(request: Request) -> dict[str, str]:
        """Say that the server is up and can read the tables; needs no key."""
        await run_in_threadpool(reach, request.app.state.lake.store)
        return {"status": "ok"}


def reach(store: Store) -> None:
    """Ask the storage for something that is never there; raises LakeError where it does not answer.

    Checking the store asks an S3 server once a process only.
    """
    store.check(is_writable=False)
    for _ in store.list(NOWHERE):
        return


def add_guard(app: FastAPI, settings: Settings) -> None:
    """Ask for a key where keys are set, count requests, and add the headers every reply has."""
    keys, limit = Keys(settings.api_keys), RateLimit(settings.api_rate_per_minute)

    @app.middleware("http")
    async def guard(request: Request, call_next: Next) -> Response:
        response = refuse(request, keys, limit) or await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def refuse(request: Request, keys: Keys, limit: RateLimit) -> Response | None:
    """Return the refusal of a request without a right key, or of one too many; None where it may pass."""
    path = request.url.path
    if path in OPEN_PATHS:
        return None
    address = request.client.host if request.client else "unknown"
    client = keys.client(request.headers.get("authorization")) if keys.are_needed else address
    # Wrong keys are counted too, by address and wherever they are tried, so that there is an end to it.
    is_counted = client is None or not path.startswith(UNCOUNTED_PREFIX)
    wait = limit.wait_seconds(client or address) if is_counted else 0
    if wait:
        seconds = str(int(wait) + 1)
        return problem(429, f"too many requests; come back in {seconds} s", {"Retry-After": seconds})
    if client is None:
        return problem(401, "a key is needed: Authorization: Bearer KEY", {"WWW-Authenticate": CHALLENGE})
    return None
