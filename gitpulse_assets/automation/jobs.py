"""The jobs people launch, schedule and backfill. One run of `refresh` is one repository, bronze to gold."""

import dagster as dg

REFRESH_JOB = "refresh"
REPO_TAG = "gitpulse/repo"

refresh = dg.define_asset_job(
    REFRESH_JOB,
    selection=dg.AssetSelection.groups("bronze", "silver", "gold"),
    description="Fetch what changed in one repository's issues and rebuild its silver and gold tables.",
)

default_jobs = [refresh]
