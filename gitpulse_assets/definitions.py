"""The code location: merges what the other modules define and decides nothing.

`build_defs(resources=…)` replaces single resources, for tests and for other projects that load these
assets; no asset, check, job or sensor is declared here.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from gitpulse_assets.assets.bronze import bronze
from gitpulse_assets.assets.events import public_events
from gitpulse_assets.assets.gold import gold
from gitpulse_assets.assets.members import members
from gitpulse_assets.assets.report import backlog_report
from gitpulse_assets.assets.silver import silver, sync_state
from gitpulse_assets.automation.alerts import alerts
from gitpulse_assets.automation.event_feeds import event_feeds
from gitpulse_assets.automation.jobs import default_jobs, refresh
from gitpulse_assets.automation.reporting import report_automation
from gitpulse_assets.automation.retries import retries
from gitpulse_assets.automation.schedules import default_schedules
from gitpulse_assets.automation.sweep import watched_jobs
from gitpulse_assets.automation.watching import watching_sensors
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.io_manager import LakeIOManager
from gitpulse_assets.resources import DuckDB, GitHubResource, LakeResource

default_sensors = [alerts, retries, event_feeds, report_automation]
default_assets = [
    *(bronze, silver, sync_state, gold, backlog_report, public_events),
    *([members] if CONTRIBUTORS in chosen_subjects() else []),
]


def default_resources() -> dict[str, Any]:
    """Return the resources of production by name, which open nothing before they are used."""
    lake = LakeResource()
    return {
        "github": GitHubResource(),
        "lake": lake,
        "duckdb": DuckDB(),
        "lake_io_manager": LakeIOManager(lake=lake),
    }


def build_defs(*, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return the definitions, with single resources replaced by those given, also in the runs of a sweep."""
    of_many = watched_jobs(lambda: made)
    made = dg.Definitions(
        assets=default_assets,
        jobs=[*default_jobs, *of_many],
        schedules=default_schedules,
        sensors=[*default_sensors, *(one.with_updated_jobs([refresh, *of_many]) for one in watching_sensors)],
        resources={**default_resources(), **(resources or {})},
        # A step costs 0.1 s in this process and 4-6 s in one of its own; runs are what goes in parallel.
        executor=dg.in_process_executor,
    )
    return made


defs = build_defs()
