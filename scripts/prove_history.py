"""Holds the backlog of a recorded repository against its independently computed truth, day by day.

    python scripts/prove_history.py [FOLDER]     a folder of recorded data with its ground_truth.json;
                                                 default: microsoft__onnxruntime in GITPULSE_RECORDED_DATA

`gitpulse refresh` fetches everything from a stand-in that serves the recording, with a token. Each day whose
stock or open issues differ is printed with the numbers of these issues and why they differ; exit 1 when an
issue differs without a known cause. Prints numbers and ids, no text of an issue.
"""

import argparse
import datetime as dt
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitpulse_assets.contracts.silver import ISSUE_EVENT, ISSUE_TRANSITIONS
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.process import serve_recorded_apart

DEFAULT_FOLDER = "microsoft__onnxruntime"
ELSEWHERE = "not transferred in yet: the truth counts it from created_at, the ledger from its arrival"
AMBIGUOUS = "the recording holds only 30 of its events and contradicts its state: ambiguous in the truth too"

# From when to when (None: still) an issue is open.
Interval = tuple[dt.datetime, dt.datetime | None]


@dataclass
class History:
    """The stock at each day's end, each issue's open intervals, and who arrived by a transfer when."""

    stock: dict[dt.date, int]
    intervals: dict[int, list[Interval]]
    arrivals: dict[int, dt.datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A day on which the two differ; `causes` says of each issue that differs why, None if nobody knows."""

    day: dt.date
    ours: int | None
    truth: int | None
    causes: dict[int, str | None]

    @property
    def is_explained(self) -> bool:
        return bool(self.causes) and None not in self.causes.values()


def refresh(folder: Path, repo: Repo, home: Path) -> Lake:
    """Run `gitpulse refresh` against a stand-in that serves the folder; return the lake it filled."""
    with serve_recorded_apart(folder) as base_url:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT")} | {
            "GITHUB_TOKEN": "stand-in",
            "GITHUB_API_URL": base_url,
            "GITPULSE_LAKE_URL": str(home / "lake"),
            "DAGSTER_HOME": str(home / "dagster"),
        }
        command = [sys.executable, "-c", "from gitpulse_assets.cli import main; main()", "refresh", str(repo)]
        subprocess.run(command, env=environment, cwd=home, check=True)
    return Lake.open(str(home / "lake"), is_writable=False)


def ours(lake: Lake, repo: Repo) -> History:
    """Read the history from the published tables."""
    flow = lake.dataset(MART_ISSUE_DAILY_FLOW, repo).to_table(columns=["flow_date", "open_at_end"])
    columns = ["issue_number", "transition_number", "transitioned_at", "delta"]
    ledger = lake.dataset(ISSUE_TRANSITIONS, repo).to_table(columns=columns).to_pylist()
    intervals: dict[int, list[Interval]] = {}
    for row in sorted(ledger, key=lambda row: (row["issue_number"], row["transition_number"])):
        spans = intervals.setdefault(row["issue_number"], [])
        if row["delta"] > 0:
            spans.append((row["transitioned_at"], None))
        else:
            spans[-1] = (spans[-1][0], row["transitioned_at"])
    columns = ["issue_number", "kind", "happened_at"]
    events = lake.dataset(ISSUE_EVENT, repo).to_table(columns=columns).to_pylist()
    # Not from the ledger, which has no row of an issue that came in closed and stayed so.
    arrivals = {row["issue_number"]: row["happened_at"] for row in events if row["kind"] == "transferred"}
    stock = {row["flow_date"]: row["open_at_end"] for row in flow.to_pylist()}
    return History(stock, intervals, arrivals)


def recorded_truth(folder: Path, truth: dict) -> History:
    """Read the truth as it was computed from the recording by other means."""
    stock = {dt.date.fromisoformat(day): open_at_end for day, open_at_end, *_ in truth["daily"]}
    intervals: dict[int, list[Interval]] = {}
    with gzip.open(folder / "ground_truth_intervals.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            intervals[row["number"]] = [
                (dt.datetime.fromisoformat(start), end and dt.datetime.fromisoformat(end))
                for start, end in row["open_intervals"]
            ]
    return History(stock, intervals)


def compare(found: History, truth: History, ambiguous: Iterable[int]) -> list[Difference]:
    """List every day whose stock differs, or on which other issues are open."""
    numbers = found.intervals.keys() | truth.intervals.keys()
    suspects = [number for number in numbers if found.intervals.get(number) != truth.intervals.get(number)]
    differences: list[Difference] = []
    for day in sorted(found.stock.keys() | truth.stock.keys()):
        end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
        causes = {
            number: cause(number, end, found, set(ambiguous))
            for number in sorted(suspects)
            if is_open(found, number, end) != is_open(truth, number, end)
        }
        if causes or found.stock.get(day) != truth.stock.get(day):
            differences.append(Difference(day, found.stock.get(day), truth.stock.get(day), causes))
    return differences


def cause(number: int, end: dt.datetime, found: History, ambiguous: set[int]) -> str | None:
    if number in found.arrivals and end <= found.arrivals[number]:
        return ELSEWHERE
    return AMBIGUOUS if number in ambiguous else None


def is_open(history: History, number: int, at: dt.datetime) -> bool:
    """Whether the issue was open just before a moment."""
    spans = history.intervals.get(number, [])
    return any(start < at and (end is None or end >= at) for start, end in spans)


def report(differences: Sequence[Difference], day_count: int) -> str:
    """Write one line a day and cause, then the sums."""
    lines: list[str] = []
    for difference in differences:
        by_cause: dict[str | None, list[int]] = {}
        for number, why in difference.causes.items():
            by_cause.setdefault(why, []).append(number)
        for why, numbers in by_cause.items() or [(None, [])]:
            issues = " ".join(f"#{number}" for number in numbers) or "no issue"
            lines.append(
                f"{difference.day}: ours {difference.ours}, truth {difference.truth}; "
                f"{issues}: {why or 'NO CAUSE KNOWN'}"
            )
    stock_days = sum(difference.ours != difference.truth for difference in differences)
    unexplained = sum(not difference.is_explained for difference in differences)
    moved = Counter(why for difference in differences for why in set(difference.causes.values()))
    lines += [
        f"{day_count} days compared",
        f"{stock_days} days with another stock, {len(differences)} with other issues open",
        *(f"{count} days moved by issues {why or 'without a cause'}" for why, count in moved.items()),
        f"{unexplained} days without a cause",
    ]
    return "\n".join(lines)


def default_folder() -> Path | None:
    data = os.environ.get("GITPULSE_RECORDED_DATA")
    return Path(data) / DEFAULT_FOLDER if data else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=default_folder())
    folder = parser.parse_args().folder
    if folder is None or not (folder / "ground_truth.json").is_file():
        parser.error("name a folder of recorded data that holds ground_truth.json")
    truth = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
    repo = Repo.parse(truth["repository"])
    with tempfile.TemporaryDirectory() as home:
        found = ours(refresh(folder.resolve(), repo, Path(home)), repo)
    expected = recorded_truth(folder, truth)
    differences = compare(found, expected, truth["ambiguous_issues"])
    print(report(differences, len(found.stock.keys() | expected.stock.keys())))
    sys.exit(any(not difference.is_explained for difference in differences))


if __name__ == "__main__":
    main()
