"""How one repository's silver, watermarks and gold are made, in a run of it alone and in a batch.

How a table is computed stands in its `sql/*/*.sql`, how a step is made in `pipeline/`.
"""

import hashlib
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from gitpulse_assets.assets.publishing import made_unless_refused, shown
from gitpulse_assets.assets.work import Work
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT, WORDS
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.marks import shown_direction, shown_verdict
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.texts.markdown import as_markdown
from gitpulse_assets.watch.watch_list import RepoOptions, repo_options

if TYPE_CHECKING:
    from gitpulse_assets.lake.publication import StagedTable

MadeSoFar = dg.AssetCheckResult | dg.Output
Making = Generator[MadeSoFar, None, None]
AGES = ("median_open_age_days", "p90_open_age_days", "share_open_over_1_year")


class MergeConfig(dg.Config):
    """`rebuild`: make the tables anew, from every bronze batch that was merged into them.

    `accept_loss`: also where that gives fewer records than are published.
    """

    rebuild: bool = False
    accept_loss: bool = False


def merged(work: Work, repo: Repo, config: MergeConfig) -> Making:
    """Merge what no merge has taken in into the current tables of one repository."""
    from gitpulse_assets.pipeline.merge import merge

    bots = options_of(repo, work.settings).bots
    with lake_errors(), work.connection() as con:
        made = yield from made_unless_refused(
            lambda: merge(
                con,
                work.lake,
                repo,
                run_id=work.run.run_id,
                bots=bots,
                is_rebuild=config.rebuild,
                accepts_loss=config.accept_loss,
            )
        )
    summary = made.summary
    yield from shown(made, (output_of(table, summary.get(table.contract.name)) for table in made.tables))


def watermarks_moved(work: Work, repo: Repo) -> Making:
    """Move the watermarks; a step of its own, so that they move only once silver is published."""
    from gitpulse_assets.pipeline.watermarks import move_watermarks

    overlap = options_of(repo, work.settings).overlap_minutes
    with lake_errors(), work.connection() as con:
        made = yield from made_unless_refused(
            lambda: move_watermarks(con, work.lake, repo, overlap_minutes=overlap)
        )
    yield from shown(made, map(output_of, made.tables))


def marts_made(work: Work, repo: Repo) -> Making:
    """Rebuild every mart of one repository as of the last complete walk."""
    from gitpulse_assets.pipeline.marts import make_marts

    settings = work.settings
    options = options_of(repo, settings)
    with lake_errors(), work.connection() as con:
        made = yield from made_unless_refused(
            lambda: make_marts(con, work.lake, repo, label_groups=settings.label_groups, options=options)
        )
    yield from shown(
        made,
        (
            answer_of(table, made.verdicts) if table.contract is MART_BACKLOG_VERDICT else output_of(table)
            for table in made.tables
        ),
    )


def output_of(table: "StagedTable", told: Mapping[str, Any] | None = None) -> dg.Output:
    """A table as an output of its step, with what is to be told of it."""
    return dg.Output(table, output_name=table.contract.name, metadata=dict(told or {}))


def answer_of(table: "StagedTable", verdicts: pa.Table) -> dg.Output:
    """The table of verdicts as an output of its step, with the answer itself."""
    told, version = verdict_metadata(verdicts), answer_version(verdicts)
    return dg.Output(table, MART_BACKLOG_VERDICT.name, metadata=told, data_version=version)


def options_of(repo: Repo, settings: Settings) -> RepoOptions:
    """What the watch list says of the repository; a wrong list ends the step with its line."""
    try:
        return repo_options(settings, repo)
    except SettingsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def verdict_metadata(verdicts: pa.Table) -> dict[str, dg.MetadataValue]:
    """Put the answer itself on the asset's page, a paragraph a window, and its direction for the alerts."""
    metadata: dict[str, dg.MetadataValue] = {}
    for row in verdicts.select(["window_days", "direction", "paragraph"]).to_pylist():
        metadata[shown_verdict(row["window_days"])] = dg.MetadataValue.md(as_markdown(row["paragraph"]))
        metadata[shown_direction(row["window_days"])] = dg.MetadataValue.text(row["direction"])
    return metadata


def answer_version(verdicts: pa.Table) -> dg.DataVersion:
    """Change with the answer, so about once a day: ages and the words that tell them move with every run."""
    rows = verdicts.drop_columns([*AGES, *(column.name for column in WORDS)]).to_pylist()
    return dg.DataVersion(hashlib.sha256(repr(rows).encode()).hexdigest()[:16])
