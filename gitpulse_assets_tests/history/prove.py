"""Plays generated histories through the product and says how many of their days it gets wrong.

    python -m gitpulse_assets_tests.history.prove full 600          seeds 0 to 599, one sync at the end
    python -m gitpulse_assets_tests.history.prove increments 450    2 to 8 syncs, the last one a full one

`incremental` ends without a full sync, `events` has no token, `pair` is two repositories synced together.
Needs the development install. `--first` begins at another seed, `--processes` defaults to the cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets_tests.history.histories import (
    DAY_COUNT_MIN,
    ISSUE_COUNT_MIN,
    MODES,
    Mode,
    Script,
    script,
)
from gitpulse_assets_tests.history.links import judge_links
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.verdicts import Verdict, judge_days, judge_ledger

HISTORIES_A_PROCESS = 25
MISTAKES_SHOWN = 40


def play(seed: int, mode: Mode, folder: Path) -> Verdict:
    """Sync one history as its script says into an empty folder.

    The ledger is judged after every sync, the days and the links between repositories after the last one.
    """
    played = script(seed, mode)
    readers = [reader_of(played, full_name, mode, folder) for full_name in played.full_names]
    order = Random(f"{mode}:{seed}:order")
    walks: dict[Repo, list[Walk]] = {reader.repo: [] for reader in readers}
    verdict = Verdict()
    for number, gap_seconds in enumerate((0, *played.gaps_seconds)):
        played.world.advance(seconds=gap_seconds)
        is_full = number == len(played.gaps_seconds) and mode != "incremental"
        for reader in order.sample(readers, len(readers)):
            row = reader.sync(is_full=is_full)
            walks[reader.repo].append(Walk(played.world.clock, row.walk_kind == "full"))
            truth = played.world.truth(reader.repo.key)
            verdict += judge_ledger(
                reader.transitions(), truth, walks[reader.repo], has_token=reader.has_token
            )
    for reader in readers:
        truth = played.world.truth(reader.repo.key)
        with reader.gold() as con:
            days = judge_days(con, truth, walks[reader.repo], has_token=reader.has_token)
        if len(truth.presences) < ISSUE_COUNT_MIN or days.days < DAY_COUNT_MIN:
            raise ValueError(f"{mode} {seed}: {len(truth.presences)} issues in {days.days} days are too few")
        verdict += days
        if len(readers) > 1:
            verdict += judge_links(reader, readers)
    return replace(verdict, mistakes=[f"{mode} {seed}: {mistake}" for mistake in verdict.mistakes])


def reader_of(played: Script, full_name: str, mode: Mode, folder: Path) -> Reader:
    repo = Repo.parse(full_name.lower())
    if mode == "events":
        return Reader(played.world, repo, folder, token="", with_events=True)
    return Reader(played.world, repo, folder)


def play_all(seeds: range, mode: Mode) -> Verdict:
    """Play histories one after the other, each in a folder of its own that is removed after it."""
    total = Verdict()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            total += play(seed, mode, Path(folder))
    return total


def play_apart(seeds: range, mode: Mode) -> Verdict:
    """Play histories in another process."""
    command = [sys.executable, "-m", __spec__.name, mode, str(len(seeds)), "--first", str(seeds.start)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{mode} {seeds.start} to {seeds.stop - 1} failed:\n{done.stderr}")
    found = json.loads(done.stdout)
    counters = {name: Counter(found[name]) for name in ("allowed", "days_by_cause")}
    return Verdict(**found | counters)


def prove(mode: Mode, count: int, first: int = 0, processes: int | None = None) -> Iterator[Verdict]:
    """Play histories in as many processes as there are cores; yield the verdicts part by part."""
    stop = first + count
    parts = [
        range(start, min(stop, start + HISTORIES_A_PROCESS))
        for start in range(first, stop, HISTORIES_A_PROCESS)
    ]
    with ThreadPoolExecutor(processes or os.cpu_count()) as pool:
        yield from pool.map(lambda seeds: play_apart(seeds, mode), parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "mode", choices=list(MODES), help="; ".join(f"{name}: {what}" for name, what in MODES.items())
    )
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--json", action="store_true", help="in this process, the verdict as JSON")
    asked = parser.parse_args()
    if asked.json:
        print(json.dumps(vars(play_all(range(asked.first, asked.first + asked.count), asked.mode))))
        return
    verdict = Verdict()
    for part in prove(asked.mode, asked.count, asked.first, asked.processes):
        verdict += part
        print(*part.mistakes[:MISTAKES_SHOWN], f"{verdict.histories} histories", sep="\n", flush=True)
    print(verdict)
    sys.exit(bool(verdict.mistakes))


if __name__ == "__main__":
    main()
