"""One run's collection of one repository: its client, its lake, and the manifest rows it writes.

The only package where the GitHub client meets the lake. It imports no Dagster, so that a collection can be
tested, killed and resumed without a run. How requests are made is `github/`'s work, how batches become
durable is `lake/`'s, and what the records mean is silver's.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from gitpulse_assets.collect.progress import WalkProgress, tell
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import CursorRefused
from gitpulse_assets.lake.commit import MergedCounts
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import Manifest, ManifestRow, Status, WalkKind
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.watch_list import DEFAULT_OVERLAP_MINUTES

Api = Literal["rest", "graphql"]
APIS: tuple[Api, ...] = ("rest", "graphql")


@dataclass(frozen=True)
class KnownState:
    """What the last complete walk of a stream left in `silver/sync_state`; empty before the first."""

    watermark: dt.datetime | None = None
    as_of_at: dt.datetime | None = None
    etag: str | None = None


@dataclass(frozen=True)
class Session:
    """What every collector of one run needs; `meter`: what the run has spent since, stream by stream."""

    client: GitHubClient
    lake: Lake
    repo: Repo
    run_id: str
    meter: "CostShares" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "meter", CostShares(self.client))

    @cached_property
    def manifest(self) -> Manifest:
        """The repository's manifest."""
        return self.lake.manifest(self.repo)

    @property
    def overlap(self) -> dt.timedelta:
        """How much of what one walk fetched the next one fetches again."""
        state = self.known_state(ISSUES)
        if state.as_of_at and state.watermark:
            return state.as_of_at - state.watermark
        return dt.timedelta(minutes=DEFAULT_OVERLAP_MINUTES)

    def is_merged_before(self, contract: TableContract) -> bool:
        """Whether any merge has taken in records of the table's stream."""
        return bool(self.merged.get(contract.name))

    @cached_property
    def merged(self) -> MergedCounts:
        """Which batches of each stream a merge has taken in; this run merges behind the collection only."""
        commit = self.lake.commit("silver", self.repo)
        return commit.merged if commit else {}

    def known_state(self, contract: TableContract) -> KnownState:
        """Return how far the table's stream is merged."""
        return self.known_states.get(contract.name, KnownState())

    @cached_property
    def known_states(self) -> dict[str, KnownState]:
        """How far each stream is merged; it is moved on behind the collection only."""
        rows = self.lake.dataset(SYNC_STATE, self.repo).to_table().to_pylist()
        return {row["stream"]: KnownState(row["watermark"], row["as_of_at"], row["etag"]) for row in rows}

    def table(self, contract: TableContract, rows: list[dict[str, Any]]) -> pa.Table:
        """Return rows of a bronze table, with the columns every one of them begins with."""
        run = {"run_id": self.run_id, "repo_owner": self.repo.owner, "repo_name": self.repo.name}
        return pa.Table.from_pylist([run | row for row in rows], schema=contract.arrow_schema)


class CostShares:
    """Shares out what a run's requests cost: each goes to the stream closed next that pays for its API."""

    def __init__(self, client: GitHubClient):
        self._client = client
        self._settled: dict[Api, tuple[int, int]] = dict.fromkeys(APIS, (0, 0))
        # A client may have served others before: what they spent is theirs.
        self.settle()

    def open_cost(self, apis: Sequence[Api] = APIS) -> tuple[int, int]:
        """Requests and quota units of these APIs that no closed stream accounts for."""
        spent = [(self._spent(api), self._settled[api]) for api in apis]
        return sum(all_[0] - done[0] for all_, done in spent), sum(all_[1] - done[1] for all_, done in spent)

    def settle(self, apis: Sequence[Api] = APIS) -> None:
        """Count what is open as accounted for by the stream just closed."""
        self._settled |= {api: self._spent(api) for api in apis}

    def _spent(self, api: Api) -> tuple[int, int]:
        spending = self._client.spending if api == "rest" else self._client.graphql_spending
        return spending.request_count, spending.quota_cost


class StreamRun:
    """One run's row of one stream, kept true while its batches come in.

    Every batch is durable before the row counts it, so that a run killed anywhere leaves a `running` row
    that the next run goes on from. A retry of the same run goes on counting in its own row.
    """

    def __init__(self, session: Session, contract: TableContract):
        self._session = session
        self._contract = contract
        self._cost_before = (0, 0)
        self._apis: Sequence[Api] = APIS
        self._now: dt.datetime | None = None
        self._writer = session.lake.batch_writer(contract, session.repo, session.run_id, batch_count=0)
        self.row: ManifestRow

    def open(self, walk_kind: WalkKind, as_of_at: dt.datetime, **changes: Any) -> None:
        """Register the run; `changes` are further columns of the manifest."""
        self.prepare(walk_kind, as_of_at, **changes)
        self._put(self.row)

    def prepare(self, walk_kind: WalkKind, as_of_at: dt.datetime, **changes: Any) -> None:
        """Begin the run's row, which is stored with its first batch: nothing of it is lost before that."""
        known = self._session.manifest.row(self._session.run_id, self._contract.name)
        row = known or ManifestRow.of(
            self._session.repo,
            run_id=self._session.run_id,
            stream=self._contract.name,
            status="running",
            walk_kind=walk_kind,
            started_at=as_of_at,
        )
        self._cost_before = (row.request_count, row.quota_cost)
        self._now = as_of_at
        begun = {"status": "running", "finished_at": None, "error": None}
        self.row = replace(row, walk_kind=walk_kind, as_of_at=as_of_at, **begun | changes)

    def look(self, as_of_at: dt.datetime, **changes: Any) -> ManifestRow:
        """Register that nothing of the stream had changed, in one step, and return its row."""
        self.open("unchanged", as_of_at, **self.completed(as_of_at), **changes)
        self._session.meter.settle()
        return self.row

    def keep(self, batch: pa.Table, date: dt.datetime, page_count: int, **changes: Any) -> None:
        """Make a batch durable, then let the row count it; `date` is that of its last answer."""
        # A batch that the row came not to count is written over, or the next would make both count.
        self._writer.batch_count = self.row.batch_count
        if batch.num_rows:
            self._writer.write(batch)
        self._now = date
        self._put(
            self.row,
            batch_count=self._writer.batch_count,
            page_count=self.row.page_count + page_count,
            record_count=self.row.record_count + batch.num_rows,
            **changes,
        )

    @staticmethod
    def completed(at: dt.datetime) -> dict[str, Any]:
        """What `keep` is given for the batch that ends a walk, so that no crash parts the two."""
        return {"status": "complete", "finished_at": at}

    def end(
        self, batch: pa.Table, date: dt.datetime, page_count: int, status: Status = "complete", **changes: Any
    ) -> None:
        """Keep the run's last batch and end the stream, in one step."""
        self.keep(batch, date, page_count, status=status, finished_at=date, **changes)
        self._session.meter.settle(self._apis)

    def tell(self, waiting_page_count: int, waiting_count: int, what: str, quota_left: int | None) -> None:
        """Tell whoever watches how far the walk is, with the pages and records that wait to be stored."""
        tell(
            WalkProgress(
                repo=self._session.repo,
                page_count=self.row.page_count + waiting_page_count,
                record_count=self.row.record_count + waiting_count,
                what=what,
                quota_remaining=quota_left,
            )
        )

    def settle(self) -> None:
        """Account for what was spent so far: another stream is closed before this one."""
        self._put(self.row)
        self._session.meter.settle(self._apis)
        self._cost_before = (self.row.request_count, self.row.quota_cost)

    def pays_for(self, *apis: Api) -> None:
        """Account from here on for what is asked of these APIs alone: another stream is at work, too."""
        self._apis = apis

    def close(self, status: Status, **changes: Any) -> ManifestRow:
        """End the stream with its status, account for its cost, and return its row."""
        self._put(self.row, status=status, finished_at=self._now, **changes)
        self._session.meter.settle(self._apis)
        return self.row

    def interrupt(self, error: BaseException, *, keeps_records: bool = False) -> None:
        """Leave a row that says why the walk stopped (an error, Ctrl-C), and from where a later run goes on.

        `keeps_records`: what came is not asked for again, so that a later run needs no address to go on.
        Storing may be the very thing that failed: the row then stays as it was, which is right too.
        """
        next_url = None if isinstance(error, CursorRefused) else self.row.next_url
        is_begun = keeps_records and self.row.record_count > 0
        status = "partial" if next_url or self.row.is_capped or is_begun else "failed"
        try:
            self.close(status, error=str(error) or type(error).__name__, next_url=next_url)
        except LakeError as further:
            error.add_note(f"and the manifest could not be written: {further}")

    def _put(self, row: ManifestRow, **changes: Any) -> None:
        requests, units = self._session.meter.open_cost(self._apis)
        cost = {
            "request_count": self._cost_before[0] + requests,
            "quota_cost": self._cost_before[1] + units,
        }
        self.row = self._session.manifest.put(replace(row, **cost, **changes))
