"""`gitpulse demo`: the whole pipeline on three generated repositories, without a token or a network.

It always uses the embedded default below the working directory, whatever the settings say, so that trying
it never touches real tables; `make dev` shows its runs.
"""

import os
from collections.abc import Sequence

from gitpulse_assets.commands.console import say
from gitpulse_assets.commands.refresh import refresh_repos
from gitpulse_assets.commands.verdict import print_verdict
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.plan import HistoryPlan, Tendency
from gitpulse_assets.settings import DEFAULT_HOME, Settings, load_settings

# Two years of at least 2,000 issues each: enough for a verdict on every window.
DEMO_ISSUES = 2_400
DEMO_DAYS = 760
TENDENCIES: tuple[Tendency, ...] = ("growing", "shrinking", "neither")


def run_demo() -> int:
    """Serve the generated repositories, refresh each, print a verdict for each; return the exit code."""
    from gitpulse_assets.sandbox.history import generate
    from gitpulse_assets.sandbox.server import serve

    plans = demo_plans()
    world = generate(plans)
    repos = [Repo.parse(plan.full_name) for plan in plans]
    with serve(world) as sandbox:
        settings = demo_settings(sandbox.base_url)
        code = refresh_repos(settings, repos, is_full=False)
    return code or print_verdicts(settings, repos)


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
        HistoryPlan(f"gitpulse-demo/{tendency}", seed, DEMO_ISSUES, DEMO_DAYS, tendency)
        for seed, tendency in enumerate(TENDENCIES, start=1)
    ]


def demo_settings(base_url: str) -> Settings:
    """Point this process at the sandbox and at the embedded default."""
    os.environ |= {
        "GITHUB_API_URL": base_url,
        "GITHUB_GRAPHQL_URL": f"{base_url}/graphql",
        "GITHUB_TOKEN": "sandbox",
        # Said outright: an empty variable would let a line of `.env` through.
        "GITPULSE_LAKE_URL": str(DEFAULT_HOME / "lake"),
        "DAGSTER_HOME": str(DEFAULT_HOME.absolute() / "dagster"),
    }
    return load_settings()
