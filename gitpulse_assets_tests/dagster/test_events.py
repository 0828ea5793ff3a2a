"""Days of public events as partitions: brought by a run, with a check that says which hours are not whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.assets.events import DAY_TABLES, HOURS_CHECK, STARS_CHECK
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.place import Day
from gitpulse_assets.runs.kinds import EVENTS_JOB
from gitpulse_assets.runs.launch import execute
from gitpulse_assets_tests.conftest import forget_settings
from gitpulse_assets_tests.events.hours import event, packed

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARTITION = {"dagster/partition": "2026-03-01"}
MISSING, THIN = 4, 7
NOBODY = "a=/nowhere 2020-01-01..2020-01-02"


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an archive of nine hours, of which one is missing and one is thin."""
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "hours"
    folder.mkdir()
    for hour in set(range(9)) - {MISSING}:
        at, count = BEGIN + hour * HOUR, 4 if hour == THIN else 40
        events = [event(hour * 100 + number, at + timedelta(minutes=number)) for number in range(count)]
        (folder / file_name(at)).write_bytes(packed(events))
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("GITPULSE_ARCHIVES", f"mine={folder} 2026-03-01..2026-03-01")
    return tmp_path


def test_a_run_brings_a_day_and_says_which_hours_are_not_whole(settled: Path, defs: dg.Definitions):
    with dg.DagsterInstance.ephemeral() as instance:
        _, events = execute(defs, instance, EVENTS_JOB, {}, PARTITION)
        made = [one for one in events if one.is_step_materialization]
        keys = {one.asset_key.to_user_string() for one in made if one.asset_key}
        assert keys == {"/".join(contract.asset_key) for contract in DAY_TABLES}
        check, stars = [
            one.asset_check_evaluation_data
            for one in events
            if one.event_type_value == "ASSET_CHECK_EVALUATION"
        ]
    assert (stars.check_name, stars.passed) == (STARS_CHECK, True)
    assert (check.check_name, check.passed, check.severity) == (
        HOURS_CHECK,
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert check.metadata["not_whole"].value == [
        "04:00 to 05:00: missing, no file",
        "07:00 to 08:00: thin, few events",
        "09:00 to 23:59: missing, no file",
    ]
    assert check.metadata["whole_hour_count"].value == 7
    lake = Lake.open(str(settled / "lake"), is_writable=False)
    assert lake.committed_days("silver") == [Day(BEGIN.date())]


@pytest.mark.parametrize(
    ("archives", "words"),
    [
        ("", "GITPULSE_ARCHIVES names no archive"),
        (NOBODY, "no archive serves a day"),
    ],
)
def test_a_day_nobody_serves_fails_with_what_to_set(
    settled: Path, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, archives: str, words: str
):
    monkeypatch.setenv("GITPULSE_ARCHIVES", archives)
    with dg.DagsterInstance.ephemeral() as instance:
        _, events = execute(defs, instance, EVENTS_JOB, {}, PARTITION)
    failure = next(event for event in events if event.is_step_failure).step_failure_data.error
    assert failure
    assert words in failure.to_string()


@pytest.mark.dear
def test_a_later_day_that_is_brought_judges_the_days_before_anew(
    settled: Path, defs: dg.Definitions, monkeypatch
):
    """The last hours of a day wait for files of the next, in which their late events are."""
    folder = settled / "hours"
    for hour in range(9, 27):
        at = BEGIN + hour * HOUR
        # One in four comes an hour late.
        late = [event(hour * 100 + 50 + number, at - timedelta(minutes=9)) for number in range(10)]
        events = [event(hour * 100 + number, at + timedelta(minutes=number)) for number in range(40)]
        (folder / file_name(at)).write_bytes(packed([*events, *late]))
    monkeypatch.setenv("GITPULSE_ARCHIVES", f"mine={folder} 2026-03-01..2026-03-02")
    said = []
    with dg.DagsterInstance.ephemeral() as instance:
        key = dg.AssetCheckKey(dg.AssetKey(["silver", "public_event"]), HOURS_CHECK)
        for day in ("2026-03-01", "2026-03-02"):
            execute(defs, instance, EVENTS_JOB, {}, {"dagster/partition": day})
            records = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
            found = [one.event.asset_check_evaluation for one in records if one.event]
            said.append(
                [one.metadata["not_whole"].value[-1] for one in found if one.partition == "2026-03-01"]
            )
    assert said == [
        ["23:00 to 23:59: thin, later files"],
        ["07:00 to 08:00: thin, few events", "23:00 to 23:59: thin, later files"],
    ]
