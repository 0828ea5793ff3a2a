"""The report asset: one repository's story as a file for people, with its main chart on the asset's page.

What is told stands in `page/`, when it is made in `automation/reporting.py`. Everything that draws is
imported by the step alone.
"""

import base64
from contextlib import closing
from typing import TYPE_CHECKING, Any

import dagster as dg

from gitpulse_assets.assets.specs import OWNER
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.partitions import repos
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import LakeResource, settings_or_failure
from gitpulse_assets.runs.kinds import REPORT_KEY
from gitpulse_assets.texts.markdown import as_markdown

if TYPE_CHECKING:
    from gitpulse_assets.page.report import Report

REPORT_GROUP = "report"


def report_is_due() -> dg.AutomationCondition:
    """Once for each cause: a report that cannot be drawn is not tried again until there is a new one."""
    verdict = dg.AssetSelection.assets(list(MART_BACKLOG_VERDICT.asset_key))
    first = (dg.AutomationCondition.missing() & ~dg.AutomationCondition.any_deps_missing()).newly_true()
    changed = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
    cause = first | changed.allow(verdict)
    handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    return (
        cause.since(handled)
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
    )


@dg.asset(
    key=list(REPORT_KEY),
    deps=[list(table.asset_key) for table in MART_TABLES],
    partitions_def=repos,
    group_name=REPORT_GROUP,
    kinds={"html"},
    owners=[OWNER],
    tags={"layer": "report"},
    automation_condition=report_is_due(),
    description=(
        "One repository's story of the last 90 days as a self-contained HTML file: verdict, charts, swing "
        "days, oldest and most discussed issues. It needs no network and runs no script."
    ),
)
def backlog_report(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Tell the story from what gold published last, and keep it in the lake."""
    from gitpulse_assets.answers.errors import NoAnswer
    from gitpulse_assets.answers.lake_answers import LakeAnswers
    from gitpulse_assets.page.report import make_report

    repo = Repo.parse(context.partition_key)
    settings = settings_or_failure()
    target = lake.open(settings)
    try:
        with lake_errors(target, repo), closing(LakeAnswers(target)) as answers:
            made = make_report(answers, repo)
            uri = target.put_report(repo, made.html)
    except NoAnswer as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    page = f"{settings.page_url}/?repo={repo.key}"
    return dg.MaterializeResult(metadata=report_metadata(uri, made, page))


def report_metadata(uri: str, made: "Report", page: str) -> dict[str, Any]:
    """Show the answer and its curve in Dagster's UI, where the file lies, and the page that tells more."""
    drawn = {
        f"chart_{name}": dg.MetadataValue.md(
            f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"
        )
        for name, png in made.previews.items()
    }
    return {
        "report": dg.MetadataValue.path(uri),
        "page": dg.MetadataValue.url(page),
        "verdict": dg.MetadataValue.md(as_markdown(made.headline)),
        "size_bytes": len(made.html.encode()),
        **drawn,
    }
