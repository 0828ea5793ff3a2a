"""Measure what warm workers are worth: `python scripts/measure_workers.py [--repositories 200] [--apart 20]`.

docker-compose.yml's commands as processes on loopback, as in `make test-deployment`: PostgreSQL, Redis,
SeaweedFS, code location, daemon, webserver, and workers of one process each, so that one and two can be told
apart on two cores. Each small generated repository is refreshed by a run of its own: for the first time, and
once more when nothing changed. Printed of a process a run, one worker and two: seconds from the first run's
start to the last one's end, CPU seconds of what executed them, and the ratios. Seconds count on an idle
machine only.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets_tests.deployment.compose import children, wait_until
from gitpulse_assets_tests.deployment.conftest import ADD, SELECTOR, Deployment, deployed, receiving
from gitpulse_assets_tests.s3_server import S3Server

# So that no process waits for the daemon, which looks into its queue every 5 seconds.
RUNS_AT_ONCE = 16
ENDED = "select count(end_time), max(end_time) - min(start_time), count(*) filter (where status = 'SUCCESS')"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What so many runs took of the clock and of the processors, in seconds."""

    how: str
    count: int
    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.how}: {self.count} repositories in {self.seconds:.0f} s, "
            f"{self.cpu_seconds / self.count:.2f} s of CPU each"
        )


def cpu_seconds(pid: int) -> float:
    """What a process took, with those it started, living and ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS + sum(map(cpu_seconds, children(pid)))


@contextmanager
def prepared(folder: Path, workers: int, keys: Sequence[str]) -> Iterator[Deployment]:
    """The deployment with everything but its daemon; without workers a run is the code location's process."""
    instance = "deploy/workers" if workers else "deploy"
    plans = [HistoryPlan(key, seed, issue_count=3, day_count=60) for seed, key in enumerate(keys)]
    storage = S3Server("weed", folder / "s3")
    (folder / "s3").mkdir()
    storage.start()
    try:
        with receiving() as receiver:
            own, scale = {"GITPULSE_INSTANCE": instance}, {"worker": max(1, workers)}
            with deployed(folder, storage.options, receiver, (), "measured", plans, scale, **own) as made:
                adapt(folder / "srv" / instance / "dagster.yaml")
                start(made, workers)
                yield made
    finally:
        storage.kill()


def adapt(path: Path) -> None:
    """Let runs wait for workers and not for the daemon, and let nothing run but what is measured."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["concurrency"]["runs"]["max_concurrent_runs"] = RUNS_AT_ONCE if "workers" in str(path) else 2
    told["auto_materialize"] = {"enabled": False, "use_sensors": False}
    path.write_text(yaml.safe_dump(told), encoding="utf-8")


def start(made: Deployment, workers: int) -> None:
    """Start the workers, of one process each, and who takes orders."""
    names = [name for name in made.compose.services if name.startswith("worker")][:workers]
    for name in names:
        command = made.compose.services[name]["command"]
        command[command.index("--concurrency") + 1] = "1"
    services = [*(["redis"] if workers else []), *names, "webserver", "proxy"]
    for name in services:
        made.compose.start(name)
    made.compose.wait_healthy(*services)


def measured(how: str, workers: int, count: int) -> list[Taken]:
    """Refresh all twice, by a run each."""
    keys = [f"many/r{number:03}" for number in range(count)]
    with tempfile.TemporaryDirectory() as name, prepared(Path(name), workers, keys) as made:
        for key in keys:
            assert made.ask(ADD, selector=SELECTOR, key=key)
        return [refreshed(made, f"{how}, {what}", workers, keys) for what in ("first", "at rest")]


def refreshed(made: Deployment, how: str, workers: int, keys: Sequence[str]) -> Taken:
    """Ask for a run for each repository, let the daemon begin, and wait for the last one."""
    run_ids = [made.launch(key) for key in keys]
    names = [name for name in made.compose.services if name.startswith("worker")][:workers]
    pids = [made.compose.pid(name) for name in names or ["code"]]
    before = sum(map(cpu_seconds, pids))
    made.compose.start("daemon")
    seconds = wait_until("all runs ended", lambda: ended(made, run_ids), 600 + 60.0 * len(keys))
    taken = Taken(how, len(keys), seconds, sum(map(cpu_seconds, pids)) - before)
    made.compose.kill("daemon")
    print(taken, flush=True)
    return taken


def ended(made: Deployment, run_ids: Sequence[str]) -> float | None:
    """Seconds from the first run's start to the last one's end; None before that."""
    with made.database.cursor() as cursor:
        cursor.execute(f"{ENDED} from runs where run_id = any(%s)", (list(run_ids),))
        done, seconds, good = cursor.fetchone()
    if done < len(run_ids):
        return None
    assert good == len(run_ids), f"{len(run_ids) - good} runs failed"
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=200, help="of one worker and of two")
    parser.add_argument("--apart", type=int, default=20, help="of a process a run")
    arguments = parser.parse_args()
    apart = measured("a process a run, two at a time", 0, arguments.apart)
    one = measured("one warm worker", 1, arguments.repositories)
    two = measured("two warm workers", 2, arguments.repositories)
    for what, process, alone, both in zip(("first", "at rest"), apart, one, two, strict=True):
        ratio = process.cpu_seconds / process.count / (alone.cpu_seconds / alone.count)
        print(f"{what}, two workers against one: {alone.seconds / both.seconds:.2f} times as fast")
        print(
            f"{what}, warm workers against a process a run: {ratio:.1f} times the repositories a CPU second"
        )


if __name__ == "__main__":
    main()
