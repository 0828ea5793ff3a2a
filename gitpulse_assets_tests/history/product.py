"""The product's whole path for one repository, without Dagster around it and without a socket below it.

Collection, merge, publication, sync state and marts are the package's own; only the HTTP transport is short:
the stand-in answers in this process. What is compared with what is no business of this module.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import httpx
from pydantic import SecretStr

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.contributors import CONVERSATION_EVENT, CONVERSATION_THREAD
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.marts.issue_transfer import MART_ISSUE_TRANSFER
from gitpulse_assets.pipeline.marts import make_marts
from gitpulse_assets.pipeline.neighbours import link_transfers
from gitpulse_assets.pipeline.refresh import publish_merge, publish_silver, publish_watermarks, receive
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.app import SandboxApp
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.watch.watch_list import RepoOptions

API_URL = "http://github.sandbox"


class SandboxTransport(httpx.BaseTransport):
    """Has the stand-in answer in this process; a status fault is served, other kinds need a socket."""

    def __init__(self, app: SandboxApp) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = Request(
            method=request.method,
            path=request.url.path,
            query_string=request.url.query.decode(),
            headers={name.lower(): value for name, value in request.headers.items()},
            origin=API_URL,
            body=request.read(),
        )
        with self.app.world.lock:
            response, _ = self.app.answer(asked)
        headers = {"content-type": response.content_type} | response.headers
        return httpx.Response(response.status, headers=headers, content=response.body, request=request)


@dataclass
class Reader:
    """A user of the product who syncs one repository into a lake, now and then.

    Without a `token` he asks for REST issue events `with_events`. Several may share a lake.
    """

    world: World
    repo: Repo
    folder: Path
    token: str = "good-token"
    with_events: bool = False
    run_count: int = 0
    lake: Lake = field(init=False)
    app: SandboxApp = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake.open(str(self.folder))
        self.app = SandboxApp(self.world, limits=Limits(anonymous_per_hour=5000))

    @property
    def has_token(self) -> bool:
        return bool(self.token)

    def sync(self, *, is_full: bool = False) -> ManifestRow:
        """Collect, merge and publish once, as one run; return the manifest row of the issue walk."""
        self.run_count += 1
        with self.client(self.token) as client:
            session = Session(client, self.lake, self.repo, f"run-{self.run_count:03}")
            row = receive(session, is_full=is_full, with_events=self.with_events)
        publish_silver(self.lake, self.repo)
        return row

    def client(self, token: str) -> GitHubClient:
        """Open a client that nobody keeps waiting; `token` is empty without one."""
        return GitHubClient(
            api_url=API_URL,
            graphql_url=f"{API_URL}/graphql",
            tokens=[SecretStr(token)] if token else [],
            http_transport=SandboxTransport(self.app),
            sleep=lambda seconds: None,
        )

    def merge(self) -> None:
        """Merge what no merge has taken in and publish it."""
        publish_merge(self.lake, self.repo)

    def move_watermarks(self) -> None:
        """Publish the sync state."""
        publish_watermarks(self.lake, self.repo)

    def transitions(self) -> list[tuple[int, dt.date, str]]:
        """The published ledger in order, as (issue id, UTC day, kind)."""
        columns = ["issue_id", "transition_number", "transitioned_at", "kind"]
        table = self.lake.dataset(silver.ISSUE_TRANSITIONS, self.repo).to_table(columns=columns)
        rows = sorted(tuple(row.values()) for row in table.to_pylist())
        return [(issue_id, moment.date(), kind) for issue_id, _, moment, kind in rows]

    def transfers(self) -> list[dict[str, object]]:
        """`mart_issue_transfer` as it would be published now."""
        tables = (silver.REPOSITORY, silver.ISSUE_CURRENT, silver.ISSUE_LABELS, silver.ISSUE_EVENT)
        if CONTRIBUTORS in chosen_subjects():
            tables = (*tables, CONVERSATION_THREAD, CONVERSATION_EVENT)
        with connect() as con:
            for table in tables:
                con.register(table.name, self.lake.dataset(table, self.repo))
            link_transfers(con, self.lake, self.repo)
            return con.table(MART_ISSUE_TRANSFER.name).to_arrow_table().to_pylist()

    def unknown_slices(self) -> list[str]:
        """What the verdict would say it does not know."""
        tables = (silver.ISSUE_CURRENT, silver.LIFECYCLE_COVERAGE, silver.QUARANTINE, silver.CONTROL_TOTAL)
        with connect() as con:
            for table in tables:
                con.register(table.name, self.lake.dataset(table, self.repo))
            return incomplete_slices(con)

    @contextmanager
    def gold(self, options: RepoOptions | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Publish every mart as of the last walk, and show them beside the tables they were made from."""
        with connect() as con:
            make_marts(con, self.lake, self.repo, options=options).publish()
            yield con
