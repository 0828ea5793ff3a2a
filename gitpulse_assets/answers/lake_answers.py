"""All repositories' answers from one lake, read-only; a changed lake is seen at the next question."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.errors import FirstSyncUnfinished, NoAnswer
from gitpulse_assets.answers.published import Published, open_published
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.contracts import bronze
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.repo import Repo

# An answer is a few kilobytes, a page of issues some tens: together some tens of megabytes.
RESULTS_KEPT = 2_000
REPOSITORIES_KEPT = 256
READERS = 8


@dataclass(frozen=True)
class RepositoryStatus:
    """What a list of repositories says of one; without an answer yet, `published` and its figures are None.

    `is_complete`: the issue list was walked whole and the marts hold for that walk. `note` says why not.
    `is_watched`: it is on the watch list; None where no list is set.
    """

    repo: Repo
    full_name: str
    is_complete: bool
    is_watched: bool | None
    note: str | None
    as_of_at: datetime | None
    published_at: datetime | None
    open_count: int | None
    verdicts: tuple[dict[str, Any], ...]


class LakeAnswers:
    """Answers about every repository of a lake; to be made once a process and called from any thread."""

    def __init__(self, lake: Lake, watched: Collection[Repo] = ()) -> None:
        self._lake = lake
        self._watched = frozenset(watched)
        self._database = connect()
        self._results = ResultCache(RESULTS_KEPT)
        self._published = ResultCache(REPOSITORIES_KEPT)

    def close(self) -> None:
        """Give back the database; no answer can be asked for afterwards."""
        self._database.close()

    def repository(self, repo: Repo) -> RepositoryAnswers:
        """Return the answers about a repository from what is published now.

        Raises UnknownRepository or FirstSyncUnfinished where there is nothing yet, LakeError where it
        cannot be read.
        """
        return RepositoryAnswers(self._open(repo), self._database, self._results)

    def repositories(self) -> list[RepositoryStatus]:
        """Return every repository of which anything was fetched, in order of their names."""
        found = list(self._lake.registered_repos())
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.status, found))

    def status(self, repo: Repo) -> RepositoryStatus:
        """Say how fresh and how complete a repository's answers are, and give its verdicts."""
        is_watched = repo in self._watched if self._watched else None
        try:
            published = self._open(repo)
        except NoAnswer as error:
            return RepositoryStatus(repo, repo.key, False, is_watched, str(error), None, None, None, ())
        note = self._note(published)
        return RepositoryStatus(
            repo,
            published.full_name,
            note is None,
            is_watched,
            note,
            published.as_of_at,
            published.gold.made_at,
            published.open_count,
            tuple(published.verdicts),
        )

    def _open(self, repo: Repo) -> Published:
        """Read the two commits, small objects, each time; the tables only when one of them is new."""
        gold, silver = self._lake.commit("gold", repo), self._lake.commit("silver", repo)
        key = (repo, gold and gold.merge_id, silver and silver.merge_id)
        return self._published.get(key, lambda: open_published(self._lake, repo))

    def _note(self, published: Published) -> str | None:
        if not published.sync:
            return str(FirstSyncUnfinished(published.repo))
        if not published.is_settled:
            return "a refresh is being published, or a check kept its marts back; see its last run"
        newest = newest_walk(self._lake.manifest(published.repo).rows())
        if newest and newest.status in ("partial", "failed"):
            return (
                f"the last walk was {newest.status}; run gitpulse refresh {published.repo} to go on with it"
            )
        return None


def newest_walk(rows: list[ManifestRow]) -> ManifestRow | None:
    """Return the walk of the issue list that began last."""
    walks = [row for row in rows if row.stream == bronze.ISSUES.name]
    return max(walks, key=lambda row: row.sequence, default=None)
