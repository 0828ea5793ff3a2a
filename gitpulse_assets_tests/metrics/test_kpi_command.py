"""`gitpulse kpi`: rows on stdout, what they stand on beside them."""

from pathlib import Path

import pytest

from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.commands.kpi import print_kpi
from gitpulse_assets.metrics.catalogue import shipped_metrics
from gitpulse_assets.settings import Settings


def settings_of(folder: Path, **given: str) -> Settings:
    return Settings.model_validate({"GITPULSE_LAKE_URL": str(folder), **given})


def test_rows_are_csv_and_what_they_stand_on_is_told_beside_them(
    folder: Path, capfd: pytest.CaptureFixture[str]
):
    given = {"offset": "360", "limit": "2"}
    assert print_kpi(settings_of(folder), "active_repositories", given) == DONE
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == "repository_name,event_count,repository_id"
    assert len(out.splitlines()) == 3
    assert err.startswith("as of 2025-12-01 04:59 UTC, 6")
    assert "1 of 7 hours is missing" in err


def test_without_a_name_all_are_listed(folder: Path, capfd: pytest.CaptureFixture[str]):
    assert print_kpi(settings_of(folder), None, {}) == DONE
    out, _ = capfd.readouterr()
    assert [one.id for one in shipped_metrics() if f"{one.id}: " not in out] == []
    assert "  offset=60: Minutes back" in out


@pytest.mark.parametrize(
    ("metric", "given", "words"),
    [
        ("nothing", {}, "'nothing' is no metric; known are event_count_offset"),
        ("top_actors", {"offset": "0"}, "offset: '0' is no whole number from 1"),
        ("top_actors", {"ofset": "5"}, "ofset: not known here"),
    ],
)
def test_case_29_wrong_use_is_two(folder: Path, capfd: pytest.CaptureFixture[str], metric, given, words: str):
    assert print_kpi(settings_of(folder), metric, given) == WRONG_USE
    assert words in capfd.readouterr().err


def test_a_lake_without_events_fails_with_what_helps(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert print_kpi(settings_of(tmp_path / "lake"), "top_actors", {}) == FAILED
    assert "gitpulse events backfill" in capfd.readouterr().err


def test_a_wrong_file_of_one_s_own_is_told_with_its_line(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "own.yaml").write_text("- id: x\n")
    settings = settings_of(folder, GITPULSE_METRICS=str(tmp_path / "own.yaml"))
    assert print_kpi(settings, None, {}) == WRONG_USE
    assert "own.yaml:1: [0]" in capfd.readouterr().err
