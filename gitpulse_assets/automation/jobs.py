"""The jobs people launch, schedule and backfill.

A run of any is one repository, or of events one day; maintenance, in a module of its own, is of all.
"""

import dagster as dg

from gitpulse_assets.automation.maintain import maintain
from gitpulse_assets.automation.reporting import report
from gitpulse_assets.runs.kinds import EVENTS_JOB, REBUILD_JOB, RECONCILE_JOB, REFRESH_JOB

WHOLE_PATH = dg.AssetSelection.groups("bronze", "silver", "gold")

refresh = dg.define_asset_job(
    REFRESH_JOB,
    selection=WHOLE_PATH,
    description="Fetch what changed in one repository's issues and rebuild its silver and gold tables.",
)

reconcile = dg.define_asset_job(
    RECONCILE_JOB,
    selection=WHOLE_PATH,
    config={"ops": {"bronze": {"config": {"full": True}}}},
    description=(
        "Walk one repository's whole list and repair what no refresh can see: renamed labels and logins, "
        "silent changes, departures. Pages that did not change cost nothing. What it repaired stands in "
        "silver/reconciliation."
    ),
)

rebuild = dg.define_asset_job(
    REBUILD_JOB,
    selection=dg.AssetSelection.groups("silver", "gold"),
    config={"ops": {"silver": {"config": {"rebuild": True}}}},
    description=(
        "Make one repository's silver and gold tables anew from bronze, without asking GitHub: the way to "
        "tables of a new contract, and out of damaged ones. What no merge has taken in waits for the next "
        "refresh."
    ),
)


events = dg.define_asset_job(
    EVENTS_JOB,
    selection=dg.AssetSelection.groups("events"),
    description=(
        "Bring one UTC day of public events from the archives in GITPULSE_ARCHIVES. Days are backfilled by "
        "selecting their partitions; hours that are there whole cost nothing."
    ),
)

default_jobs = [refresh, reconcile, rebuild, events, report, maintain]
