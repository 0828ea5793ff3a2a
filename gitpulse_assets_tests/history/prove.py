"""Plays generated histories through the product and says how many of their days it gets wrong.

    python -m gitpulse_assets_tests.history.prove full 600          seeds 0 to 599, one sync at the end
    python -m gitpulse_assets_tests.history.prove increments 450    2 to 8 syncs, the last one a full one

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

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets_tests.history.histories import (
    DAY_COUNT_MIN,
    FULL_NAME,
    ISSUE_COUNT_MIN,
    Mode,
    script,
)
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.verdicts import Verdict, judge_days, judge_ledger

HISTORIES_A_PROCESS = 25
FINDINGS_SHOWN = 40


def play(seed: int, mode: Mode, folder: Path) -> Verdict:
    """Sync one history as its script says into an empty folder.

    The ledger is judged after every sync, the days after the last one.
    """
    played = script(seed, mode)
    truth = played.world.truth(FULL_NAME)
    reader = Reader(played.world, Repo.parse(FULL_NAME.lower()), folder)
    walks: list[Walk] = []
    verdict = Verdict()
    for gap_seconds in (0, *played.gaps_seconds):
        played.world.advance(seconds=gap_seconds)
        row = reader.sync(is_full=len(walks) == len(played.gaps_seconds))
        walks.append(Walk(played.world.clock, row.walk_kind == "full"))
        verdict += judge_ledger(reader.transitions(), truth, walks)
    with reader.gold() as con:
        verdict += judge_days(con, truth, walks)
    if len(truth.presences) < ISSUE_COUNT_MIN or verdict.days < DAY_COUNT_MIN:
        raise ValueError(f"{mode} {seed}: {len(truth.presences)} issues in {verdict.days} days are too few")
    return replace(verdict, findings=[f"{mode} {seed}: {finding}" for finding in verdict.findings])


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
    return Verdict(**found | {"allowed": Counter(found["allowed"])})


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
    parser.add_argument("mode", choices=["full", "increments"])
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
        print(*part.findings[:FINDINGS_SHOWN], f"{verdict.histories} histories", sep="\n", flush=True)
    print(verdict)
    sys.exit(bool(verdict.findings))


if __name__ == "__main__":
    main()
