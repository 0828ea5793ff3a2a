"""Reads one repository's issues from GitHub into bronze: which walk to make, and the loop that makes it.

The only place where the GitHub client meets the lake. It imports no Dagster, so that a walk can be
tested, killed and resumed without a run. How requests are made is `github/`'s work, how batches become
durable is `lake/`'s, and what the records mean is silver's.
"""

import datetime as dt
import logging
from dataclasses import dataclass, replace

import msgspec
import pyarrow as pa

from gitpulse_assets.contracts.bronze import ISSUES, REPOSITORY
from gitpulse_assets.contracts.silver import REPOSITORY as KNOWN_REPOSITORY
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.github.client import GitHubClient, RepositoryAnswer
from gitpulse_assets.github.errors import CursorRefused, GitHubError, IssuesDisabled
from gitpulse_assets.github.pages import Page
from gitpulse_assets.lake.batch import PAGES_PER_BATCH, BatchWriter
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, Status, WalkKind, resumable_run
from gitpulse_assets.progress import WalkProgress, report
from gitpulse_assets.repo import Repo

ISSUES_STREAM = "issues"
REPOSITORY_STREAM = "repository"

log = logging.getLogger(__name__)


class RepositoryReplaced(GitHubError):
    """The name now belongs to a repository with another id, whose issues must not mix with the old one's."""


class ListCapped(GitHubError):
    """GitHub ended the issue list early, so the walk cannot be complete."""


class RecordHead(msgspec.Struct):
    """The few fields bronze and the manifest need; everything else stays unparsed until silver."""

    id: int | None = None
    updated_at: dt.datetime | None = None
    pull_request: msgspec.Raw | None = None

    @property
    def is_pull_request(self) -> bool:
        return self.pull_request is not None and bytes(self.pull_request) != b"null"


HEAD_DECODER = msgspec.json.Decoder(RecordHead)


def read_head(record: bytes) -> RecordHead:
    """Read a record's head; one that cannot be read has an empty head and is judged in silver."""
    try:
        return HEAD_DECODER.decode(record)
    except msgspec.DecodeError:
        return RecordHead()


@dataclass(frozen=True)
class KnownState:
    """What an earlier complete walk left in `silver/sync_state`; empty before the first."""

    watermark: dt.datetime | None = None
    etag: str | None = None


@dataclass(frozen=True)
class WalkPlan:
    """Which walk to make: `start_url` goes on with the walk of `resumed_run_id`, else it begins anew."""

    walk_kind: WalkKind
    since: dt.datetime | None
    as_of_at: dt.datetime
    etag: str | None
    start_url: str | None = None
    resumed_run_id: str | None = None


class IssueCollector:
    """One run's collection of one repository: asks what changed, walks it, keeps the manifest true.

    Every batch is durable before the manifest counts it, so that a run killed anywhere leaves a `running`
    row that the next run goes on from.
    """

    def __init__(self, client: GitHubClient, lake: Lake, repo: Repo, run_id: str):
        self.client = client
        self.lake = lake
        self.repo = repo
        self.run_id = run_id
        self.manifest = lake.manifest(repo)
        self.last_date: dt.datetime | None = None

    def collect(self, *, is_full: bool) -> ManifestRow:
        """Bring what changed into bronze and return the run's manifest row, its status `complete`.

        A walk that an error cuts short is left `partial` (or `failed`, when nothing came of it) and the
        error goes on to the caller.
        """
        self.collect_repository()
        plan = self.plan(is_full=is_full)
        if plan.walk_kind == "unchanged":
            return self.manifest.put(self.finished(self.opening_row(plan), "complete"))
        try:
            return self.walk(plan)
        except CursorRefused:
            return self.walk(self.plan(is_full=is_full, may_resume=False))

    def collect_repository(self) -> None:
        """Ask for the repository itself, and keep the answer as received unless nothing changed.

        The first request of every run: it finds a wrong name, a bad token or disabled issues at the price
        of one, and refuses a name that has passed to another repository.
        """
        state = self.known_state(REPOSITORY_STREAM)
        answer = self.client.repository(self.repo, etag=state.etag)
        row = replace(self.row(REPOSITORY_STREAM, "unchanged", answer.date), etag=answer.etag)
        if not answer.is_unchanged:
            self.refuse_replaced(answer)
            self.lake.batch_writer(REPOSITORY, self.repo, self.run_id).write(self.repository_batch(answer))
            row = replace(row, walk_kind="full", page_count=1, record_count=1, batch_count=1)
        self.manifest.put(self.finished(row, "complete"))

    def refuse_replaced(self, answer: RepositoryAnswer) -> None:
        if answer.has_issues is False:
            raise IssuesDisabled(f"{self.repo} has its issues disabled; take it off the watch list")
        known = self.lake.dataset(KNOWN_REPOSITORY, self.repo).to_table(columns=["repository_id"])
        for known_id in known["repository_id"].to_pylist():
            if known_id != answer.repository_id:
                raise RepositoryReplaced(
                    f"{self.repo} is now another repository (id {answer.repository_id}, not {known_id}); "
                    "follow the old one under its new name, or remove its tables to begin again"
                )

    def repository_batch(self, answer: RepositoryAnswer) -> pa.Table:
        row = {
            "run_id": self.run_id,
            "repo_owner": self.repo.owner,
            "repo_name": self.repo.name,
            "fetched_at": answer.date,
            "repository_id": answer.repository_id,
            "payload_json": answer.payload.decode(),
        }
        return pa.Table.from_pylist([row], schema=REPOSITORY.arrow_schema)

    def known_state(self, stream: str) -> KnownState:
        rows = self.lake.dataset(SYNC_STATE, self.repo).to_table().to_pylist()
        for row in rows:
            if row["stream"] == stream:
                return KnownState(row["watermark"], row["etag"])
        return KnownState()

    def plan(self, *, is_full: bool, may_resume: bool = True) -> WalkPlan:
        """Choose between going on with a walk that was cut short, nothing, an incremental and a full walk."""
        if may_resume and (unfinished := self.unfinished(is_full=is_full)):
            return unfinished
        state = self.known_state(ISSUES_STREAM)
        may_be_unchanged = state.watermark is not None and not is_full
        # Asked before the walk, so that a change during it makes the next probe differ.
        probe = self.client.probe_issues(self.repo, etag=state.etag if may_be_unchanged else None)
        if may_be_unchanged and probe.is_unchanged:
            return WalkPlan("unchanged", state.watermark, probe.date, probe.etag)
        if is_full or state.watermark is None:
            return WalkPlan("full", None, probe.date, probe.etag)
        return WalkPlan("incremental", state.watermark, probe.date, probe.etag)

    def unfinished(self, *, is_full: bool) -> WalkPlan | None:
        """Return the rest of the walk an earlier run left, unless it is too small for what is asked now."""
        row = resumable_run(self.manifest.rows(), ISSUES_STREAM)
        if row is None or row.as_of_at is None or (is_full and row.walk_kind != "full"):
            return None
        return WalkPlan(row.walk_kind, row.since, row.as_of_at, row.etag, row.next_url, row.run_id)

    def walk(self, plan: WalkPlan) -> ManifestRow:
        row = self.manifest.put(self.opening_row(plan))
        writer = self.lake.batch_writer(ISSUES, self.repo, self.run_id)
        waiting: list[Page] = []
        try:
            for page in self.client.issue_pages(self.repo, since=plan.since, start_url=plan.start_url):
                waiting.append(page)
                self.last_date = page.date
                if len(waiting) == PAGES_PER_BATCH:
                    row, waiting = self.keep(writer, row, waiting), []
                self.tell(row, waiting)
            row = self.keep(writer, row, waiting)
            self.refuse_capped(row)
        except Exception as error:
            # What has come is kept, so that the run that goes on fetches none of it again.
            self.keep_rest(writer, row, waiting, error)
            raise
        return self.manifest.put(self.finished(row, "complete"))

    def keep(self, writer: BatchWriter, row: ManifestRow, pages: list[Page]) -> ManifestRow:
        """Make the pages durable, then let the manifest count them."""
        if not pages:
            return row
        batch, heads = self.issue_batch(pages, first_page_number=row.page_count + 1)
        if batch.num_rows:
            writer.write(batch)
        return self.manifest.put(self.counted(row, pages, heads, writer.batch_count))

    def keep_rest(self, writer: BatchWriter, row: ManifestRow, pages: list[Page], error: Exception) -> None:
        """Leave a row that says what came and why it stopped.

        Storing may be the very thing that failed; the row is then left as it was, and the run that goes on
        starts after the last batch that is durable.
        """
        if not isinstance(error, LakeError):
            row = self.keep(writer, row, pages)
        is_refused = isinstance(error, CursorRefused)
        row = replace(row, error=str(error), next_url=None if is_refused else row.next_url)
        status = "partial" if row.next_url or row.is_capped else "failed"
        try:
            self.manifest.put(self.finished(row, status))
        except LakeError:
            log.warning("%s: the manifest could not be written either", self.repo)

    def issue_batch(self, pages: list[Page], first_page_number: int) -> tuple[pa.Table, list[RecordHead]]:
        """Return the pages' records as bronze rows, with the head of each."""
        rows = [
            (first_page_number + index, number, page.date, record)
            for index, page in enumerate(pages)
            for number, record in enumerate(page.records, start=1)
        ]
        heads = [read_head(record) for *_, record in rows]
        columns = {
            "run_id": [self.run_id] * len(rows),
            "repo_owner": [self.repo.owner] * len(rows),
            "repo_name": [self.repo.name] * len(rows),
            "page_number": [row[0] for row in rows],
            "record_number": [row[1] for row in rows],
            "fetched_at": [row[2] for row in rows],
            "issue_id": [head.id for head in heads],
            "issue_updated_at": [head.updated_at for head in heads],
            "payload_json": pa.array([row[3] for row in rows], pa.binary()).cast(pa.string()),
        }
        return pa.table(columns, schema=ISSUES.arrow_schema), heads

    def counted(
        self, row: ManifestRow, pages: list[Page], heads: list[RecordHead], batch_count: int
    ) -> ManifestRow:
        updates = [head.updated_at for head in heads if head.updated_at]
        firsts = [row.first_updated_at, *updates] if row.first_updated_at else updates
        lasts = [row.last_updated_at, *updates] if row.last_updated_at else updates
        return replace(
            row,
            batch_count=batch_count,
            page_count=row.page_count + len(pages),
            record_count=row.record_count + len(heads),
            pull_request_count=row.pull_request_count + sum(head.is_pull_request for head in heads),
            request_count=self.client.spending.request_count,
            quota_cost=self.client.spending.quota_cost,
            first_updated_at=min(firsts, default=None),
            last_updated_at=max(lasts, default=None),
            next_url=pages[-1].next_url,
            is_capped=pages[-1].is_capped,
        )

    def refuse_capped(self, row: ManifestRow) -> None:
        if row.is_capped:
            raise ListCapped(
                f"{self.repo}: GitHub served only {row.record_count} records of the issue list and no more; "
                "the walk stays partial and nothing is published from it"
            )

    def opening_row(self, plan: WalkPlan) -> ManifestRow:
        """Return the row to begin with; a retry of the same run goes on counting in its own row."""
        row = self.manifest.row(self.run_id, ISSUES_STREAM) or self.row(
            ISSUES_STREAM, plan.walk_kind, plan.as_of_at
        )
        return replace(
            row,
            status="running",
            walk_kind=plan.walk_kind,
            since=plan.since,
            as_of_at=plan.as_of_at,
            etag=plan.etag,
            next_url=plan.start_url,
            resumed_run_id=plan.resumed_run_id if plan.resumed_run_id != self.run_id else row.resumed_run_id,
            finished_at=None,
            error=None,
        )

    def row(self, stream: str, walk_kind: WalkKind, as_of_at: dt.datetime) -> ManifestRow:
        return ManifestRow(
            run_id=self.run_id,
            repo_owner=self.repo.owner,
            repo_name=self.repo.name,
            stream=stream,
            status="running",
            walk_kind=walk_kind,
            as_of_at=as_of_at,
            started_at=as_of_at,
        )

    def finished(self, row: ManifestRow, status: Status) -> ManifestRow:
        spending = self.client.spending
        return replace(
            row,
            status=status,
            finished_at=self.last_date or row.as_of_at,
            request_count=spending.request_count,
            quota_cost=spending.quota_cost,
        )

    def tell(self, row: ManifestRow, waiting: list[Page]) -> None:
        report(
            WalkProgress(
                repo=self.repo,
                page_count=row.page_count + len(waiting),
                record_count=row.record_count + sum(len(page.records) for page in waiting),
                quota_remaining=self.client.spending.quota_remaining,
            )
        )
