"""What an unchanged repository costs in a Dagster run, and that each step opens and reads things once."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg
import pytest

from gitpulse_assets import resources
from gitpulse_assets.lake import lake as lakes
from gitpulse_assets.lake.manifest import Manifest
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.history import refreshed_at

REPO = Repo("acme", "rocket")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often something was opened or read."""
    found: Counter[str] = Counter()

    def counted(owner: object, name: str) -> None:
        real: Callable[..., object] = getattr(owner, name)

        def call(*args: object, **kwargs: object) -> object:
            found[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    counted(resources, "load_settings")
    counted(lakes, "open_store")
    counted(Manifest, "_read")
    counted(Manifest, "_write")
    return found


def test_each_step_opens_the_lake_once_and_a_look_that_finds_nothing_makes_nothing(
    run, instance, counts, caplog
):
    assert run(REPO).is_success
    assert counts["load_settings"] == counts["open_store"] == 4
    assert counts["_read"] == 2
    first_writes = counts["_write"]
    counts.clear()
    began = datetime.now(UTC)
    outcome = run(REPO)
    assert outcome.is_success, outcome.message
    assert list(outcome.tables) == ["bronze/issues"]
    assert outcome.tables["bronze/issues"]["nothing_changed"] is True
    skipped = instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.STEP_SKIPPED)
    assert {entry.dagster_event.step_key for entry in skipped} == {"silver", "sync_state", "gold"}
    assert counts == {"load_settings": 1, "open_store": 1, "_read": 1, "_write": 3}
    assert "proceed" not in caplog.text
    assert first_writes <= 15
    assert refreshed_at(instance)[REPO.key] >= began
