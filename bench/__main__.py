"""`make bench`: GitPulse and its peers against the same generated GitHub, as a table and as JSON.

Every figure comes from a process of its own. What a process does stands in `tasks.py`; what the figures
were on which machine, in docs/benchmarks.md.
"""

import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bench.conversations import conversations
from bench.events import events
from bench.feeds import feeds
from bench.figures import (
    Figure,
    Sizes,
    distance,
    gold_at_scale,
    incremental,
    large,
    lifecycles,
    loading,
    many_small,
    peers,
    scaled,
    unchanged,
)
from bench.metrics import judging, metrics
from bench.serving import serving

FULL = Sizes(
    issues=60_000,
    dlt_issues=20_000,
    most_issues=300_000,
    gold_issues=1_000_000,
    small_repos=200,
    threads=10_000,
    hour_events=180_000,
    day_events=180_000,
    event_days=30,
    large_hour_events=600_000,
    day_hour_events=30_000,
    poll_rounds=200,
    watched_feeds=1_000,
    judged_days=(30, 365, 3_650),
)
QUICK = Sizes(
    issues=3_000,
    dlt_issues=1_000,
    most_issues=6_000,
    gold_issues=20_000,
    small_repos=5,
    threads=600,
    hour_events=6_000,
    day_events=600,
    event_days=2,
    large_hour_events=12_000,
    day_hour_events=600,
    poll_rounds=4,
    watched_feeds=60,
    judged_days=(2, 4),
)

PARTS: dict[str, Callable[[Sizes, Path], Iterable[Figure]]] = {
    "large": large,
    "distance": distance,
    "peers": peers,
    "incremental": incremental,
    "lifecycles": lifecycles,
    "unchanged": unchanged,
    "memory": scaled,
    "gold": gold_at_scale,
    "loading": loading,
    "small": many_small,
    "serving": serving,
    "conversations": conversations,
    "events": events,
    "feeds": feeds,
    "metrics": metrics,
    "judging": judging,
}


def machine() -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "system": platform.system(),
        "processor_count": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
    }


@click.command()
@click.option("--quick", is_flag=True, help="Small inputs: does it run, not how fast.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the JSON here too.")
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(quick: bool, output: Path | None, parts: tuple[str, ...]) -> None:
    """Measure PARTS, or everything."""
    sizes, report = (QUICK if quick else FULL), {"machine": machine(), "figures": []}
    for name in parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="gitpulse-bench-") as folder:
            for figure in PARTS[name](sizes, Path(folder)):
                report["figures"].append({"part": name, **figure.as_json()})
                click.echo(figure.line)
    text = json.dumps(report, indent=2)
    click.echo(text)
    if output:
        output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
