"""What the watch list says of a repository changes what its runs do."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_EVENT, ISSUE_TRANSITIONS, SYNC_STATE
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome, rebuild

REPO = Repo("acme", "rocket")
Read = Callable[[TableContract], list[dict]]


def overlap(read: Read) -> timedelta:
    (issues,) = [row for row in read(SYNC_STATE) if row["stream"] == "issues"]
    return issues["as_of_at"] - issues["watermark"]


@pytest.mark.dear
def test_overlap_and_bots_are_used(
    home: Path, run: Callable[[], RunOutcome], read: Read, defs: dg.Definitions, instance: dg.DagsterInstance
):
    assert run().is_success
    assert overlap(read) == timedelta(minutes=10)
    actors = [row for row in read(ISSUE_TRANSITIONS) if row["actor_type"] == "User" and row["delta"] == -1]
    login = str(actors[0]["actor_login"])
    text = f"repositories:\n- {{name: {REPO}, overlap_minutes: 45, bots: ['{login.upper()}']}}\n"
    (home / "gitpulse.yaml").write_text(text)
    assert rebuild(defs, instance, REPO).is_success
    assert overlap(read) == timedelta(minutes=45)
    kinds = {row["actor_type"] for row in read(ISSUE_TRANSITIONS) if row["actor_login"] == login}
    assert kinds == {"Bot"}
    assert {row["actor_type"] for row in read(ISSUE_EVENT) if row["actor_login"] == login} == {"User"}


def test_a_wrong_list_ends_the_run_with_its_line(home: Path, run: Callable[[], RunOutcome]):
    (home / "gitpulse.yaml").write_text("repositories: [x]\n")
    outcome = run()
    assert not outcome.is_success
    assert "gitpulse.yaml:1: repositories[0].name" in outcome.message
