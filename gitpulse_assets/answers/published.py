"""What is published of one repository, opened together: the marts and the ledger they were made from.

Which question reads what stands in `repository.py`; how a table is stored, in `lake/`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.answers.errors import FirstSyncUnfinished, UnknownRepository
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.gold import MART_ISSUE_DAILY_FLOW, MART_ISSUE_LIFECYCLE
from gitpulse_assets.contracts.verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo

GOLD = (MART_ISSUE_DAILY_FLOW, MART_ISSUE_LIFECYCLE, MART_BACKLOG_VERDICT)
SILVER = (
    silver.ISSUE_TRANSITIONS,
    silver.ISSUE_CURRENT,
    silver.LIFECYCLE_COVERAGE,
    silver.QUARANTINE,
    silver.SYNC_STATE,
    silver.REPOSITORY,
)


@dataclass(frozen=True)
class Published:
    """One repository's tables, as one merge of gold and one of silver published them.

    `is_settled` is false while silver is newer than the marts: a refresh is between the two, or a check
    kept the new marts back.
    """

    repo: Repo
    gold: Commit
    silver: Commit
    datasets: dict[str, ds.Dataset]

    @property
    def version(self) -> str:
        """Changes with every publication of the repository's tables; fit for an ETag."""
        return f"{self.gold.merge_id}-{self.silver.merge_id}"

    @property
    def is_settled(self) -> bool:
        return self.silver.made_at <= self.gold.made_at

    @cached_property
    def flow(self) -> pa.Table:
        """The daily flow whole: a row a day, so a few thousand."""
        return self.datasets[MART_ISSUE_DAILY_FLOW.name].to_table().sort_by("flow_date")

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        """The published verdicts, a row a window."""
        return self.datasets[MART_BACKLOG_VERDICT.name].to_table().sort_by("window_days").to_pylist()

    @cached_property
    def sync(self) -> dict[str, Any]:
        """The sync state of the issue list; empty where there is none."""
        rows = self.datasets[silver.SYNC_STATE.name].to_table().to_pylist()
        return next((row for row in rows if row["stream"] == bronze.ISSUES.name), {})

    @cached_property
    def full_name(self) -> str:
        """GitHub's own spelling of the name."""
        names = self.datasets[silver.REPOSITORY.name].to_table(columns=["repository_full_name"])
        found = [name for name in names["repository_full_name"].to_pylist() if name]
        return found[0] if found else self.repo.key

    @property
    def as_of_at(self) -> datetime:
        """The moment the marts hold for: when the last complete walk began, by GitHub's clock."""
        return min(self.sync.get("as_of_at") or self.gold.made_at, self.gold.made_at)

    @property
    def first_date(self) -> date:
        """The first UTC day of the history."""
        return self.flow["flow_date"][0].as_py()

    @property
    def last_complete_date(self) -> date:
        """The last UTC day that was over at the as-of moment; before the first day of a history of one."""
        return self._as_of_date - timedelta(days=1)

    @property
    def open_count(self) -> int:
        """Issues open at the as-of moment."""
        return self.flow["open_at_end"][-1].as_py()

    @cached_property
    def _as_of_date(self) -> date:
        ends = [row["window_end_date"] for row in self.verdicts]
        return ends[0] + timedelta(days=1) if ends else self.flow["flow_date"][-1].as_py()


def open_published(lake: Lake, repo: Repo) -> Published:
    """Open what is published of a repository.

    Raises UnknownRepository or FirstSyncUnfinished where there is nothing yet, LakeError where it cannot
    be read.
    """
    gold = lake.snapshot("gold", repo, GOLD)
    made_from = lake.snapshot("silver", repo, SILVER)
    if gold.commit is None or made_from.commit is None:
        raise FirstSyncUnfinished(repo) if lake.manifest(repo).rows() else UnknownRepository(repo)
    return Published(repo, gold.commit, made_from.commit, gold.datasets | made_from.datasets)
