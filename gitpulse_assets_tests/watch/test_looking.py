"""What a round of looks writes down: the moment a change was seen, and what stops the sensor's ticks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from gitpulse_assets.automation.sweep import changed
from gitpulse_assets.contracts.sources import RestList
from gitpulse_assets.github.client import GitHubClient, NewestRecord, Probe
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.looking import LookRound, look_at_all, stop_after_round
from gitpulse_assets.watch.state import Member, Sights, Stop, sights

KEY = "acme/rocket"
NOW = datetime(2026, 7, 1, tzinfo=UTC)
STOP = Stop("the token is refused", NOW)


class ChangedList:
    """Stands for GitHub: every list has something newest that the lake does not hold."""

    def probe(self, repo: Repo, source: RestList, etag: str | None, body: bytes | None) -> Probe:
        return Probe(False, NOW, "new", NewestRecord(7, 7, NOW))


def test_a_change_is_asked_for_when_it_was_seen(tmp_path: Path):
    """A run made after the round began but before the look did not deal with what the look saw."""
    began_at = datetime.now(UTC)
    round_began_at = began_at - timedelta(minutes=10)
    client = cast(GitHubClient, ChangedList())
    member = Member(KEY, "gitpulse.yaml", NOW)
    found = look_at_all(
        client,
        Lake.open(str(tmp_path)),
        {KEY: member},
        {},
        [KEY],
        round_began_at,
        seconds_max=60,
        changed_max=1,
    )
    asked_at = found.sights[KEY].asked_at
    assert found.changed == [KEY]
    assert asked_at is not None
    assert began_at <= asked_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (LookRound(), STOP),
        (LookRound(looked_count=1), None),
        (LookRound(looked_count=1, stopped_by="no network"), Stop("no network", NOW)),
    ],
)
def test_only_a_round_that_asked_says_whether_it_is_over(found: LookRound, left: Stop | None):
    assert stop_after_round(STOP, found, NOW + timedelta(hours=1)) == left


def test_a_sweep_that_looks_at_nobody_leaves_what_stops_the_sensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    lake = Lake.open(str(tmp_path / "lake"))
    stored = sights(lake.store)
    stored.load()
    stored.save(Sights(stop=STOP))
    assert changed(cast(dg.OpExecutionContext, cast(Any, None)), lake, []) == []
    assert sights(lake.store).load().stop == STOP
