"""A refresh without Dagster, timed step by step: what Dagster costs is the difference to a run of the job."""

import time
import uuid

from gitpulse_assets.collect.progress import WalkProgress, listener
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.pipeline.refresh import refresh
from gitpulse_assets.repo import Repo

# The seconds of wall clock each step took.
Seconds = dict[str, float]


def timed_refresh(lake: Lake, client: GitHubClient, repo: Repo) -> Seconds:
    """Refresh one repository; raises ChecksFailed where a blocking check fails."""
    began: dict[str, float] = {}

    def hear(progress: WalkProgress) -> None:
        if progress.step:
            began[progress.step] = time.monotonic()

    token = listener.set(hear)
    try:
        refresh(lake, client, repo, str(uuid.uuid4()))
    finally:
        listener.reset(token)
    ends = [*list(began.values())[1:], time.monotonic()]
    return {step: end - start for (step, start), end in zip(began.items(), ends, strict=True)}
