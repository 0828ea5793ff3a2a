"""Makes the marts people look at from one repository's silver tables, all of them in one step.

What a mart means stands in its contract and its `sql/gold/*.sql`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.checks.result import refuse_failed
from gitpulse_assets.checks.semantic import GOLD_CHECKS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake.duck import sized
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.ranges import bounds
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.pipeline.neighbours import link_transfers
from gitpulse_assets.pipeline.standing import standing_marts
from gitpulse_assets.pipeline.step import Made, audited, stage
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.label_groups import DEFAULT_LABEL_GROUPS, LabelGroup
from gitpulse_assets.transform.contributors import (
    build_conversations,
    label_names,
    unfit_patterns,
    unseen_words,
)
from gitpulse_assets.transform.gold import (
    NOT_COPIED,
    SILVER_INPUTS,
    GoldParameters,
    build_gold,
)
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.verdict_table import build_verdicts
from gitpulse_assets.watch.watch_list import RepoOptions

logger = logging.getLogger(__name__)
HAS_CONVERSATIONS = CONTRIBUTORS in chosen_subjects()


@dataclass(frozen=True)
class MadeMarts(Made):
    """The marts, and the verdict of every window among them."""

    verdicts: pa.Table = field(default_factory=MART_BACKLOG_VERDICT.arrow_schema.empty_table)


def make_marts(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    repo: Repo,
    *,
    label_groups: Sequence[LabelGroup] = DEFAULT_LABEL_GROUPS,
    options: RepoOptions | None = None,
) -> MadeMarts:
    """Make every mart on a fresh connection as of the last complete walk, audit and seal them.

    The inputs are opened together, as one merge published them: loaded one by one, half of them could be
    another run's. Raises ChecksFailed where a blocking check fails, LakeError where the lake refuses or no
    complete walk is published yet: nothing is published.
    """
    chosen = options or RepoOptions()
    with lake.reading(repo), lake.begin("gold", repo) as publication:
        silver = lake.snapshot("silver", repo, SILVER_INPUTS)
        inputs = silver.datasets
        with sized(con, silver.commit.row_count if silver.commit else 0):
            as_of_at = last_walk_at(inputs[SYNC_STATE.name])
            parameters = GoldParameters(as_of_at, tuple(label_groups))
            made = build_gold(con, inputs, parameters, standing_marts(lake, publication, silver))
            for table in NOT_COPIED:
                con.register(table.name, inputs[table.name])
            link_transfers(con, lake, repo)
            if HAS_CONVERSATIONS:
                make_conversations(con, lake, repo, as_of_at, chosen)
            verdicts = build_verdicts(con, as_of_at, incomplete_slices(con))
            told = {"as_of_at": as_of_at, "bots": list(chosen.bots)}
            checks = audited(con, MART_TABLES, GOLD_CHECKS, told, made)
            refuse_failed(checks)
            staged = stage(con, publication, MART_TABLES, made=made)
            publication.seal(ranges=bounds())
            return MadeMarts(checks, staged, verdicts=verdicts)


def make_conversations(
    con: duckdb.DuckDBPyConnection, lake: Lake, repo: Repo, as_of_at: datetime, options: RepoOptions
) -> None:
    """Make the marts of conversations; say of patterns of the watch list that they fit nothing."""
    for name, table in members_of(lake, repo).items():
        con.register(name, table)
    build_conversations(con, as_of_at, options)
    for pattern in unfit_patterns(label_names(con), options.waiting_labels):
        logger.warning("%s", unseen_words(repo.key, pattern))


def members_of(lake: Lake, repo: Repo) -> Mapping[str, ds.Dataset]:
    """The members of the repository's organisation and the looks at them, by table and of one publication.

    Empty where it is a person's, or nobody looked yet.
    """
    return lake.snapshot("silver", Organization(repo.owner), MEMBER_CONTRACTS).datasets


def last_walk_at(sync_state: ds.Dataset) -> datetime:
    """As of when the marts hold: the start of the last complete walk, by GitHub's clock.

    Raises LakeError where none was published yet.
    """
    rows = sync_state.to_table(columns=["stream", "as_of_at"]).to_pylist()
    as_of_at = next((row["as_of_at"] for row in rows if row["stream"] == ISSUES.name), None)
    if as_of_at is None:
        raise LakeError("no complete walk of the issues is published yet; run gitpulse refresh first")
    return as_of_at
