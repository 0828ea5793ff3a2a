"""What is published of one repository, opened together: the marts and the ledger they were made from.

Which question reads what stands in `repository.py`; how a table is stored, in `lake/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.answers.errors import FirstSyncUnfinished, NotCollected, UnknownRepository
from gitpulse_assets.answers.members import member_gap
from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.contributors import CONVERSATION_THREAD, PULL_REQUEST_CURRENT
from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parquet import MERGE_ID
from gitpulse_assets.lake.snapshot import Snapshot
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.repo import Repo

# Large tables are held open and scanned when asked; the small ones are read once.
LARGE_MARTS = (MART_ISSUE_LIFECYCLE,)
SMALL_MARTS = (MART_ISSUE_DAILY_FLOW, MART_BACKLOG_VERDICT)
LARGE_INPUTS = (
    silver.ISSUE_TRANSITIONS,
    silver.ISSUE_CURRENT,
    silver.LIFECYCLE_COVERAGE,
    silver.QUARANTINE,
    silver.CONTROL_TOTAL,
)
SMALL_INPUTS = (silver.SYNC_STATE, silver.REPOSITORY)
# What lists of threads read beside the marts of conversations.
THREAD_INPUTS = (
    silver.ISSUE_CURRENT,
    silver.ISSUE_LABELS,
    silver.ISSUE_ASSIGNEES,
    PULL_REQUEST_CURRENT,
    CONVERSATION_THREAD,
)

OpenMore = Callable[[Layer, Sequence[TableContract]], Snapshot]


@dataclass(frozen=True)
class Published:
    """One repository's tables, as one merge of gold and one of silver published them.

    The small tables are read, the large ones held open. `flow` is the daily flow in order, `verdicts` a row a
    window, `sync` the sync state of the issue list (empty where there is none), `full_name` the name in
    GitHub's own spelling, `html_url` its address there, empty where it is not known.
    `is_settled` is false while silver is newer than the marts: a refresh is between the two, or a check
    kept the new marts back. `open_more`: opens further tables, in whatever version is published then.
    `member_gap`: says what is not known of who maintains, as `answers/members.py` does.
    """

    repo: Repo
    gold: Commit
    silver: Commit
    datasets: dict[str, ds.Dataset]
    flow: pa.Table
    verdicts: list[dict[str, Any]]
    sync: dict[str, Any]
    full_name: str
    html_url: str
    open_more: OpenMore = field(compare=False)
    member_gap: Callable[[], str] = field(compare=False)

    @cached_property
    def conversations(self) -> Mapping[str, ds.Dataset]:
        """The marts of conversations and what lists of threads read beside them, by name.

        Raises NotCollected where the newest refresh made none, LakeError where another is published by now.
        """
        marts = [mart.contract for mart in marts_of(CONTRIBUTORS)]
        if any(mart.name not in self.gold.tables for mart in marts):
            raise NotCollected(self.repo)
        gold, made_from = self.open_more("gold", marts), self.open_more("silver", THREAD_INPUTS)
        opened = [snapshot.commit and snapshot.commit.merge_id for snapshot in (gold, made_from)]
        if opened != [self.gold.merge_id, self.silver.merge_id]:
            raise LakeError(f"{self.repo}: another refresh is published by now; ask again")
        # A refresh without the subject leaves its marts as they were: they hold for an earlier moment.
        if merge_of(gold.datasets[marts[0].name]) != self.gold.merge_id:
            raise NotCollected(self.repo)
        return {**gold.datasets, **made_from.datasets}

    @cached_property
    def object_count(self) -> int:
        """How many objects its large tables are held open in: a table of issues lies in several."""
        return sum(len(list(dataset.get_fragments())) for dataset in self.datasets.values())

    @property
    def version(self) -> str:
        """Changes with every publication of the repository's tables; fit for an ETag."""
        return f"{self.gold.merge_id}-{self.silver.merge_id}"

    @property
    def is_settled(self) -> bool:
        """Whether the marts were made from this silver, or from a newer one."""
        return self.silver.made_at <= self.gold.made_at

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
        ends = [row["window_end_date"] for row in self.verdicts]
        return ends[0] if ends else self.flow["flow_date"][-1].as_py() - timedelta(days=1)

    @property
    def open_count(self) -> int:
        """Issues open at the as-of moment."""
        return self.flow["open_at_end"][-1].as_py()


def has_words(verdict: Mapping[str, Any]) -> bool:
    """Whether a published verdict was stored with its words; one without them is judged anew."""
    return verdict["explanation"] is not None


def merge_of(dataset: ds.Dataset) -> str | None:
    """The id of the merge that wrote a table's file, which stands in it."""
    written = [fragment.metadata.metadata for fragment in dataset.get_fragments()]
    return written[0][MERGE_ID].decode() if written else None


def open_published(lake: Lake, repo: Repo) -> Published:
    """Open what is published of a repository.

    Raises UnknownRepository or FirstSyncUnfinished where there is nothing yet, LakeError where it cannot
    be read.
    """
    gold = lake.snapshot("gold", repo, (*LARGE_MARTS, *SMALL_MARTS))
    made_from = lake.snapshot("silver", repo, (*LARGE_INPUTS, *SMALL_INPUTS))
    if gold.commit is None or made_from.commit is None:
        raise FirstSyncUnfinished(repo) if lake.manifest(repo).rows() else UnknownRepository(repo)
    datasets = gold.datasets | made_from.datasets
    small = {table.name: datasets[table.name].to_table() for table in (*SMALL_MARTS, *SMALL_INPUTS)}
    syncs = {row["stream"]: row for row in small[silver.SYNC_STATE.name].to_pylist()}
    known_as = small[silver.REPOSITORY.name].select(["repository_full_name", "html_url"]).to_pylist()
    return Published(
        repo,
        gold.commit,
        made_from.commit,
        {table.name: datasets[table.name] for table in (*LARGE_MARTS, *LARGE_INPUTS)}
        | {silver.REPOSITORY.name: ds.dataset(small[silver.REPOSITORY.name])},
        small[MART_ISSUE_DAILY_FLOW.name].sort_by("flow_date"),
        small[MART_BACKLOG_VERDICT.name].sort_by("window_days").to_pylist(),
        syncs.get(bronze.ISSUES.name, {}),
        next((row["repository_full_name"] for row in known_as if row["repository_full_name"]), repo.key),
        next((row["html_url"] for row in known_as if row["html_url"]), ""),
        lambda layer, contracts: lake.snapshot(layer, repo, contracts),
        lambda: member_gap(lake, repo),
    )
