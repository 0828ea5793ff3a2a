"""The figures, part by part: each serves its input from its own sandbox and measures some tasks on it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measured import Measured, measure, run_task
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.process import serve_generated_apart

LARGE = "bench/large"
UNLIMITED = Limits(10**9, 10**9, 10**9)
MEGABYTE = 1_000_000
LAYERS = ("silver", "gold")
PEER_FOLDER = Path(__file__).parent / "peers"
MEASURE_GOLD = Path(__file__).parents[1] / "gitpulse_assets_tests/unit/gold/measure_gold.py"
CHANGED_RECORDS = 2
# What GitHub takes for a page, seen from Europe.
ANSWER_SECONDS = 0.3


@dataclass(frozen=True)
class Sizes:
    """How many issues, repositories, events of an hour and of one of the last day, and days parts take.

    `judged_days`: how many days of hour files are judged at once, in turn;
    `poll_rounds`: how often 50 feeds are polled; `watched_feeds`: how many are polled at rest.
    """

    issues: int
    dlt_issues: int
    most_issues: int
    gold_issues: int
    small_repos: int
    threads: int
    hour_events: int
    day_events: int
    event_days: int
    large_hour_events: int
    day_hour_events: int
    poll_rounds: int
    watched_feeds: int
    judged_days: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """One line of the report; `more` is in the JSON only."""

    name: str
    value: float
    unit: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        return f"{self.name:<72}{self.value:>12,.2f} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "unit": self.unit, **self.more}


def plan(full_name: str, issues: int, seed: int = 1) -> HistoryPlan:
    """Records of 4.8 KB in the mean, of which 1.2 KB are the body; issues only."""
    return HistoryPlan(
        full_name,
        seed,
        issues,
        day_count=1500,
        pull_request_share_of_records=0.0,
        body_bytes_mean=1200,
    )


@contextmanager
def sandbox(plans: Sequence[HistoryPlan], folder: Path, token: str = "") -> Iterator[dict[str, str]]:
    """Serve the plans; yields the environment that points GitPulse at them and at an empty lake."""
    with serve_generated_apart(plans, limits=UNLIMITED) as url:
        yield settings_of(url, folder, token)


def settings_of(url: str, folder: Path, token: str) -> dict[str, str]:
    """The environment that points GitPulse at a sandbox and at an empty lake."""
    return {
        "GITHUB_API_URL": url,
        "GITHUB_GRAPHQL_URL": "",
        "GITHUB_TOKEN": token,
        "GITPULSE_LAKE_URL": str(folder / "lake"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }


def refreshed(name: str, measured: Measured, issues: int) -> list[Figure]:
    run = measured.result["refreshes"][0]
    return [
        Figure(f"{name}: first request to gold", issues / run["seconds"], "issues/s", run),
        Figure(f"{name}: CPU of the process", run["cpu_seconds"], "s"),
        Figure(f"{name}: peak memory", measured.peak_bytes / MEGABYTE, "MB"),
    ]


def large(sizes: Sizes, folder: Path) -> list[Figure]:
    """The sandbox alone, GitPulse through Dagster and without it, and tap-github, in turn."""
    figures = []
    with sandbox([plan(LARGE, sizes.issues)], folder) as environment:
        walk = run_task("walk", folder, environment, LARGE).result
        more = {"bytes_each": walk["size_bytes"] / sizes.issues}
        figures.append(Figure("sandbox: bare walk", sizes.issues / walk["seconds"], "issues/s", more))
        through = run_task("dagster", folder, environment, LARGE)
        figures += refreshed("GitPulse through Dagster", through, sizes.issues)
        apart = environment | {"GITPULSE_LAKE_URL": str(folder / "lake-of-cores")}
        figures += refreshed(
            "GitPulse without Dagster", run_task("cores", folder, apart, LARGE), sizes.issues
        )
        tap = peer("tap-github", "tap_github_run.py", folder, environment)
        figures += peer_figures("tap-github to JSON lines", tap, sizes.issues)
    ratio = figures[1].value / figures[-3].value
    return [*figures, Figure("GitPulse through Dagster / tap-github", ratio, "times (aim: 3)")]


def distance(sizes: Sizes, folder: Path) -> list[Figure]:
    """A first sync where an answer takes 300 ms, one request after the other and four at once; tap-github."""
    limits = Limits(10**9, 10**9, 10**9, has_secondary=True)
    seconds: dict[int, float] = {}
    figures: list[Figure] = []
    with serve_generated_apart([plan(LARGE, sizes.issues)], limits=limits) as url:
        environment = settings_of(url, folder, token="bench")
        set_back(url, ANSWER_SECONDS)
        tap = peer("tap-github", "tap_github_run.py", folder, environment)
        figures += peer_figures("tap-github at 300 ms, the list alone", tap, sizes.issues)
        for at_once in (1, 4):
            apart = environment | {
                "GITPULSE_LAKE_URL": str(folder / f"lake-{at_once}"),
                "GITPULSE_REQUESTS_AT_ONCE": str(at_once),
            }
            run = run_task("cores", folder, apart, LARGE).result["refreshes"][0]
            seconds[at_once] = run["seconds"]
            figures.append(Figure(f"first sync at 300 ms, {at_once} at once", run["seconds"], "s", run))
            figures.append(Figure(f"bronze of it, {at_once} at once", run["parts"]["bronze"], "s"))
        refused = refused_count(url)
    return [
        *figures,
        Figure("4 at once / 1 at once", seconds[4] / seconds[1], "(aim: 0.33)"),
        Figure("4 at once / tap-github's list", seconds[4] / tap.seconds, "(aim: 0.33)"),
        Figure("refused by a limit", refused, "requests (aim: 0)"),
    ]


def set_back(url: str, seconds: float) -> None:
    """Let the sandbox answer everything so much later."""
    import httpx

    rule = {"kind": "slow", "seconds": seconds, "times": 10**9}
    httpx.post(f"{url}/_sandbox/faults", json=[rule], headers={"User-Agent": "bench"}).raise_for_status()


def refused_count(url: str) -> int:
    """How many requests the sandbox has refused because of a limit."""
    import httpx

    log = httpx.get(f"{url}/_sandbox/requests", headers={"User-Agent": "bench"}, timeout=60).json()
    return sum(served["status"] in (403, 429) for served in log)


def peers(sizes: Sizes, folder: Path) -> list[Figure]:
    """dlt's REST source into DuckDB, which is too slow for more, and GitPulse on the same."""
    issues = sizes.dlt_issues
    with sandbox([plan(LARGE, issues)], folder) as environment:
        ours = refreshed(
            f"GitPulse through Dagster at {issues:,}", run_task("dagster", folder, environment, LARGE), issues
        )
        dlt = peer("dlt", "dlt_run.py", folder, environment)
        theirs = peer_figures("dlt REST source to DuckDB", dlt, issues)
    ratio = ours[0].value / theirs[0].value
    return [*ours, *theirs, Figure("GitPulse through Dagster / dlt", ratio, "times (aim: 10)")]


def peer(name: str, script: str, folder: Path, environment: dict[str, str]) -> Measured:
    """Run a peer with the interpreter of its own environment, below .venv-bench/."""
    python = Path(".venv-bench") / name / "bin" / "python"
    work = folder / name
    work.mkdir()
    command = [str(python), str(PEER_FOLDER / script), environment["GITHUB_API_URL"], LARGE, str(work)]
    return measure(command, folder / f"{name}.out", {"RUNTIME__DLTHUB_TELEMETRY": "false"})


def peer_figures(name: str, measured: Measured, issues: int) -> list[Figure]:
    """A peer's whole process counts: its imports are a second of it."""
    return [
        Figure(
            f"{name}: whole process", issues / measured.seconds, "issues/s", {"seconds": measured.seconds}
        ),
        Figure(f"{name}: CPU of the process", measured.cpu_seconds, "s"),
        Figure(f"{name}: peak memory", measured.peak_bytes / MEGABYTE, "MB"),
    ]


def incremental(sizes: Sizes, folder: Path) -> list[Figure]:
    """Two changed records: what silver and gold cost beside a first run's, and what they write."""
    figures: list[Figure] = []
    for issues in (sizes.issues, sizes.most_issues):
        apart = folder / str(issues)
        apart.mkdir()
        with sandbox([plan(LARGE, issues)], apart) as environment:
            figures += changed_a_little(issues, apart, environment)
    return figures


def changed_a_little(issues: int, folder: Path, environment: dict[str, str]) -> list[Figure]:
    lake = Path(environment["GITPULSE_LAKE_URL"])
    first = run_task("cores", folder, environment, LARGE).result["refreshes"][0]
    changed, before = let_change(environment["GITHUB_API_URL"]), stored_tables(lake)
    then = run_task("cores", folder, environment, LARGE).result["refreshes"][0]
    written = {version: size for version, size in stored_tables(lake).items() if version not in before}
    full, part = (sum(run["parts"][name] for name in ("silver", "gold")) for run in (first, then))
    more = {"changed_records": changed, "full": first["parts"], "incremental": then["parts"]}
    return [
        Figure(f"silver and gold of {issues:,}, full", full, "s"),
        Figure(f"silver and gold of {issues:,}, 2 records changed", part, "s", more),
        Figure(f"incremental / full of {issues:,}", part / full, "(aim: at most 0.10)"),
        *(written_figure(layer, written) for layer in LAYERS),
    ]


def written_figure(layer: str, written: dict[tuple[str, str, int], int]) -> Figure:
    sizes = [size for (of, *_), size in written.items() if of == layer]
    return Figure(f"{layer} written then, {len(sizes)} objects", sum(sizes) / MEGABYTE, "MB")


def stored_tables(lake: Path) -> dict[tuple[str, str, int], int]:
    """The size of each version of an object of silver and gold, by its layer, path and inode."""
    found = ((layer, path, path.stat()) for layer in LAYERS for path in lake.glob(f"{layer}/*/*/*/*.parquet"))
    return {(layer, str(path), stat.st_ino): stat.st_size for layer, path, stat in found}


def let_change(url: str) -> int:
    """Advance the sandbox's clock until some records have changed; return how many."""
    import httpx

    with httpx.Client(base_url=url, headers={"User-Agent": "bench"}) as client:
        since = client.post("/_sandbox/advance", json={"seconds": 1}).json()["clock"]
        for _ in range(10_000):
            client.post("/_sandbox/advance", json={"seconds": 20})
            found = client.get(f"/repos/{LARGE}/issues", params={"state": "all", "since": since}).json()
            if len(found) >= CHANGED_RECORDS:
                return len(found)
    raise RuntimeError("nothing changes in the sandbox")


def lifecycles(sizes: Sizes, folder: Path) -> list[Figure]:
    """A first refresh with a token, which asks GraphQL for every issue's history too."""
    issues = sizes.dlt_issues
    with sandbox([plan(LARGE, issues)], folder, token="bench") as environment:
        return refreshed(
            f"GitPulse with lifecycles at {issues:,}", run_task("dagster", folder, environment, LARGE), issues
        )


def unchanged(sizes: Sizes, folder: Path) -> list[Figure]:
    """A refresh of a repository in which nothing happened."""
    with sandbox([plan(LARGE, sizes.dlt_issues)], folder, token="bench") as environment:
        run_task("dagster", folder, environment, LARGE)
        run_task("dagster", folder, environment, LARGE)
        run = run_task("dagster", folder, environment, LARGE).result["refreshes"][0]
        asked = run_task("manifest", folder, environment, LARGE).result
    return [
        Figure("unchanged: quota units", asked["quota_cost"], "(aim: 0)", asked),
        Figure("unchanged: requests", asked["request_count"], "(aim: 1 a list)"),
        Figure("unchanged: through Dagster", run["seconds"], "s", run),
    ]


def scaled(sizes: Sizes, folder: Path) -> list[Figure]:
    """The largest repository, for its peak memory."""
    issues = sizes.most_issues
    with sandbox([plan(LARGE, issues)], folder) as environment:
        return refreshed(
            f"GitPulse through Dagster at {issues:,}", run_task("dagster", folder, environment, LARGE), issues
        )


def gold_at_scale(sizes: Sizes, folder: Path) -> list[Figure]:
    """The marts of a large ledger, ten transitions an issue, without audits and writing."""
    command = [sys.executable, str(MEASURE_GOLD)]
    measure([*command, "generate", str(folder), str(sizes.gold_issues)], folder / "generate.out")
    built = measure([*command, "build", str(folder)], folder / "build.out")
    return [
        Figure(f"gold for {sizes.gold_issues:,} issues", built.seconds, "s (aim: 60)"),
        Figure("gold: peak memory", built.peak_bytes / MEGABYTE, "MB (aim: 4,000)"),
    ]


def loading(sizes: Sizes, folder: Path) -> list[Figure]:
    """The least CPU time of several processes that import Dagster, or the definitions."""

    def least(statement: str) -> float:
        command = [sys.executable, "-c", statement]
        return min(measure(command, folder / "import.out").cpu_seconds for _ in range(7))

    dagster, ours = least("import dagster"), least("import gitpulse_assets.definitions")
    return [
        Figure("import dagster", dagster, "s CPU"),
        Figure("load the definitions", ours, "s CPU"),
        Figure("definitions / dagster", ours / dagster, "times (aim: at most 1.5)"),
    ]


def many_small(sizes: Sizes, folder: Path) -> list[Figure]:
    """Small repositories one after the other in one process, through Dagster and without."""
    names = [f"bench/small-{number:03d}" for number in range(sizes.small_repos)]
    plans = [plan(name, 60, seed) for seed, name in enumerate(names, start=1)]
    with sandbox(plans, folder, token="bench") as environment:
        through = run_task("dagster", folder, environment, *names)
        apart = environment | {"GITPULSE_LAKE_URL": str(folder / "lake-of-cores")}
        without = run_task("cores", folder, apart, *names)
    means = [mean_parts(measured) for measured in (through, without)]
    return [
        Figure("small repository through Dagster", means[0]["total"], "s each", {"parts": means[0]}),
        Figure("small repository without Dagster", means[1]["total"], "s each", {"parts": means[1]}),
        Figure("Dagster's share", means[0]["total"] - means[1]["total"], "s each (aim: at most 1.5)"),
    ]


def mean_parts(measured: Measured) -> dict[str, float]:
    runs = measured.result["refreshes"]
    names = runs[0]["parts"]
    parts = {name: sum(run["parts"][name] for run in runs) / len(runs) for name in names}
    return {**parts, "total": sum(run["seconds"] for run in runs) / len(runs)}
