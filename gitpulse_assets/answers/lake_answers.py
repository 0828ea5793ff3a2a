"""All repositories' answers from one lake, read-only; a changed lake is seen at the next question."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.errors import FirstSyncUnfinished, NoAnswer
from gitpulse_assets.answers.published import Published, open_published
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.contracts import bronze
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, unmerged_batches
from gitpulse_assets.processes.stopping import each_in_threads
from gitpulse_assets.repo import Repo

# An answer is a few kilobytes; a page of 1,000 issues, the largest, is some hundreds.
RESULTS_KEPT = 500
STATUSES_KEPT = 1_000
REPOSITORIES_OPEN = 32
# And no more objects than these: a table of a million issues alone lies in 65, and a process may often have
# 1,024 files open.
OBJECTS_OPEN = 400
READERS = 8
# A table that is not its commit's is waited for ten seconds: not at every look at the list.
DAMAGE_KEPT_SECONDS = 30.0
DAMAGED = "damaged: what is stored of it cannot be read; the server's log says why"
ATTEMPTS = 3

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RepositoryStatus:
    """What a list of repositories says of one; without an answer yet its moments and figures are None.

    `note` says what the answers lack, and what to do about it; None where they are complete.
    `seen_at`: when GitHub was last seen not to have changed since; None where the last walk found something.
    `is_watched`: it is on the watch list, else retired: its data stay and are no longer refreshed. None
    where no list is set. `is_damaged`: something of it cannot be read, so that nothing else is known.
    """

    repo: Repo
    full_name: str
    is_watched: bool | None
    note: str | None
    as_of_at: datetime | None
    seen_at: datetime | None
    published_at: datetime | None
    open_count: int | None
    verdicts: tuple[dict[str, Any], ...]
    is_damaged: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the issue list was walked whole and the marts hold for that walk."""
        return self.note is None


class LakeAnswers:
    """Answers about every repository of a lake; to be made once a process and called from any thread.

    `is_watched` says of a repository whether the watch list has it; None where there is no list.
    """

    def __init__(self, lake: Lake, is_watched: Callable[[Repo], bool] | None = None) -> None:
        self._lake = lake
        self._is_watched = is_watched
        self._database = connect()
        self._results = ResultCache(RESULTS_KEPT)
        self._statuses = ResultCache(STATUSES_KEPT)
        self._published: OrderedDict[Repo, Published] = OrderedDict()
        self._damaged: dict[Repo, tuple[float, RepositoryStatus]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give back the database; no answer can be asked for afterwards."""
        self._database.close()

    def ask(self, repo: Repo, question: Callable[[RepositoryAnswers], Result]) -> Result:
        """Put a question to the answers about a repository from what is published now.

        An object store gives a table only in its newest version: what is replaced while it is read is opened
        and asked again. Raises UnknownRepository or FirstSyncUnfinished where there is nothing yet, LakeError
        where it cannot be read.
        """
        with self._lake.reading(repo):
            for _ in range(ATTEMPTS - 1):
                published = self._open(repo)
                try:
                    return question(RepositoryAnswers(published, self._database, self._results))
                except (duckdb.Error, pa.ArrowException, OSError, LakeError):
                    if not self._is_replaced(published):
                        raise
                    self._forget(repo)
            return question(RepositoryAnswers(self._open(repo), self._database, self._results))

    def repos(self) -> list[Repo]:
        """Return the names of every repository of which anything was fetched, in order."""
        return self._lake.registered_repos()

    def repositories(self) -> list[RepositoryStatus]:
        """Return every repository of which anything was fetched, in order of their names.

        One that cannot be read is among them as damaged: the others' answers are right for all that.
        """
        return [one.result() for one in each_in_threads(self._listed, self.repos(), READERS)]

    def _listed(self, repo: Repo) -> RepositoryStatus:
        with self._lock:
            told_at, known = self._damaged.get(repo, (0.0, None))
        if known and time.monotonic() - told_at < DAMAGE_KEPT_SECONDS:
            return known
        try:
            return self.status(repo)
        except Exception as error:
            # Whatever is wrong with one is no reason to show none. The line is for who runs the server.
            logger.error("%s: %s", repo, error)
            damaged = self._damaged_status(repo)
            with self._lock:
                self._damaged[repo] = (time.monotonic(), damaged)
            return damaged

    def _damaged_status(self, repo: Repo) -> RepositoryStatus:
        is_watched = self._is_watched(repo) if self._is_watched else None
        return RepositoryStatus(
            repo, repo.key, is_watched, DAMAGED, None, None, None, None, (), is_damaged=True
        )

    def status(self, repo: Repo) -> RepositoryStatus:
        """Say how fresh and how complete a repository's answers are, and give its verdicts."""
        merge_ids = self._merge_ids(repo)
        rows = self._lake.manifest(repo).rows()
        walk = newest_walk(rows)
        key = (repo, merge_ids, walk and (walk.run_id, walk.status))
        return self._statuses.get(key, lambda: self._status(repo, rows))

    def _status(self, repo: Repo, rows: list[ManifestRow]) -> RepositoryStatus:
        walk = newest_walk(rows)
        is_watched = self._is_watched(repo) if self._is_watched else None
        try:
            published = open_published(self._lake, repo)
        except NoAnswer as error:
            return RepositoryStatus(repo, repo.key, is_watched, str(error), None, None, None, None, ())
        return RepositoryStatus(
            repo,
            published.full_name,
            is_watched,
            incompleteness(published, walk),
            published.as_of_at,
            seen_unchanged_at(rows, published.silver) if published.is_settled else None,
            published.gold.made_at,
            published.open_count,
            tuple(published.verdicts),
        )

    def _open(self, repo: Repo) -> Published:
        """Read the commits, small objects, each time; the tables only when there are newer marts.

        While silver is newer than the marts, those opened before with the silver they were made from stay.
        """
        gold, silver = self._merge_ids(repo)
        with self._lock:
            kept = self._published.get(repo)
            if kept and kept.gold.merge_id == gold and (kept.is_settled or kept.silver.merge_id == silver):
                self._published.move_to_end(repo)
                return kept
        opened = open_published(self._lake, repo)
        with self._lock:
            self._published[repo] = opened
            while len(self._published) > REPOSITORIES_OPEN or (
                len(self._published) > 1 and self._object_count() > OBJECTS_OPEN
            ):
                self._published.popitem(last=False)
        return opened

    def _object_count(self) -> int:
        return sum(published.object_count for published in self._published.values())

    def _forget(self, repo: Repo) -> None:
        with self._lock:
            self._published.pop(repo, None)

    def _is_replaced(self, published: Published) -> bool:
        return self._merge_ids(published.repo) != (published.gold.merge_id, published.silver.merge_id)

    def _merge_ids(self, repo: Repo) -> tuple[str | None, str | None]:
        commits = self._lake.commit("gold", repo), self._lake.commit("silver", repo)
        gold, silver = (commit and commit.merge_id for commit in commits)
        return gold, silver


def incompleteness(published: Published, walk: ManifestRow | None) -> str | None:
    """Say what the answers lack, and what to do; None where they are complete."""
    if not published.sync:
        return str(FirstSyncUnfinished(published.repo))
    if not published.is_settled:
        return "a refresh is being published, or a check kept its marts back; see its last run"
    if walk and walk.status in ("partial", "failed"):
        return f"the last walk was {walk.status}; go on with it: gitpulse refresh {published.repo}"
    return None


def seen_unchanged_at(rows: list[ManifestRow], silver: Commit) -> datetime | None:
    """When GitHub's list was last seen to be as it is published; None where the last walk found something."""
    walk = newest_walk(rows)
    if walk is None or (walk.walk_kind, walk.status) != ("unchanged", "complete"):
        return None
    issues = bronze.ISSUES.name
    return None if unmerged_batches(rows, issues, silver.merged.get(issues, {})) else walk.as_of_at


def newest_walk(rows: list[ManifestRow]) -> ManifestRow | None:
    """Return the walk of the issue list that began last."""
    walks = [row for row in rows if row.stream == bronze.ISSUES.name]
    return max(walks, key=lambda row: row.sequence, default=None)
