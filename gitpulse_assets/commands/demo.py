"""`gitpulse demo`: the whole pipeline on three generated repositories, without a token or a network.

Their issues first, then what is public of them: feeds that are watched, and an archive that lost an hour.

It always uses the embedded default below the working directory, whatever the settings say, so that trying
it never touches real tables; `make dev` shows its runs.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.commands.console import say
from gitpulse_assets.commands.events import backfill_days, watch_feeds
from gitpulse_assets.commands.exit_codes import DONE, PARTIAL
from gitpulse_assets.commands.kpi import print_kpi
from gitpulse_assets.commands.refresh import refresh_repos
from gitpulse_assets.commands.verdict import print_verdict
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.plan import HistoryPlan, Tendency
from gitpulse_assets.sandbox.times import iso
from gitpulse_assets.settings import DEFAULT_HOME, Settings, load_settings

if TYPE_CHECKING:
    from gitpulse_assets.sandbox.server import Sandbox

# Two years of at least 2,000 issues each: enough for a verdict on every window.
DEMO_ISSUES = 2_400
DEMO_DAYS = 760
TENDENCIES: tuple[Tendency, ...] = ("growing", "shrinking", "neither")


# In each repository something happens every two minutes in the mean, so that a feed holds less than a day.
SECONDS_BETWEEN = 120
WATCHED_SECONDS = 1_200
LOST_HOUR = 7
METRIC = "event_count_offset"
METRIC_MINUTES = 720


def run_demo() -> int:
    """Serve the generated repositories, refresh each, bring their public events; return the exit code."""
    from gitpulse_assets.sandbox.history import generate
    from gitpulse_assets.sandbox.server import serve

    plans = demo_plans()
    world = generate(plans)
    repos = [Repo.parse(plan.full_name) for plan in plans]
    with serve(world) as sandbox:
        settings = demo_settings(sandbox.base_url)
        code = refresh_repos(settings, repos, is_full=False) or bring_events(settings, sandbox, repos)
    return code or max(print_verdicts(settings, repos), print_metric(settings))


def bring_events(settings: Settings, sandbox: "Sandbox", repos: Sequence[Repo]) -> int:
    """Watch the feeds for some minutes of the sandbox's time, and bring its archive's hours of the day."""
    from gitpulse_assets.sandbox.public_life import live

    world = sandbox.world

    def clock() -> datetime:
        return datetime.fromtimestamp(world.clock, UTC)

    today = clock().replace(hour=0)
    begin, end = int(today.timestamp()), world.clock + WATCHED_SECONDS
    sandbox.app.lost_hours.add(today.replace(hour=LOST_HOUR))
    live(world, begin, end, seed=1, seconds_between=SECONDS_BETWEEN)
    code = watch_feeds(settings, repos, is_once=True, clock=clock)
    world.advance(to=iso(end))
    code = code or watch_feeds(settings, repos, is_once=True, clock=clock)
    # The hour that is lost leaves the day half-way, which is what the demo shows.
    brought = backfill_days(settings, today.date(), today.date(), clock)
    return code or (brought if brought != PARTIAL else DONE)


def print_metric(settings: Settings) -> int:
    """Print what happened by type, and how much of that is known to be whole."""
    say(f"\nPublic events by type, of {METRIC_MINUTES // 60} hours (gitpulse kpi {METRIC}):")
    return print_kpi(settings, METRIC, {"offset": str(METRIC_MINUTES)})


def print_verdicts(settings: Settings, repos: Sequence[Repo]) -> int:
    """Print each repository's verdict and return the worst exit code."""
    codes = []
    for repo in repos:
        say("")
        codes.append(print_verdict(settings, repo, None, None, as_json=False))
    return max(codes)


def demo_plans() -> list[HistoryPlan]:
    """Return one history of each tendency, the same on every machine and day."""
    return [
        HistoryPlan(
            f"gitpulse-demo/{tendency}",
            seed,
            DEMO_ISSUES,
            DEMO_DAYS,
            tendency,
            has_people=CONTRIBUTORS in chosen_subjects(),
        )
        for seed, tendency in enumerate(TENDENCIES, start=1)
    ]


def demo_settings(base_url: str) -> Settings:
    """Point this process at the sandbox and at the embedded default."""
    os.environ |= {
        "GITHUB_API_URL": base_url,
        "GITHUB_GRAPHQL_URL": f"{base_url}/graphql",
        "GITHUB_TOKEN": "sandbox",
        "GITPULSE_ARCHIVES": f"sandbox={base_url}/hours",
        "GITPULSE_METRICS": "",
        # Said outright: an empty variable would let a line of `.env` through.
        "GITPULSE_LAKE_URL": str(DEFAULT_HOME / "lake"),
        "DAGSTER_HOME": str(DEFAULT_HOME.absolute() / "dagster"),
    }
    return load_settings()
