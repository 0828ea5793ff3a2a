"""A run that died between silver and the watermarks leaves readers their tables (case 17)."""

from pathlib import Path

import pytest

from gitpulse_assets.answers.published import Published, open_published
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.crash.pipeline import REPO, Place, Run, refresh

DAY_SECONDS = 86_400


@pytest.fixture
def sandbox():
    with serve(generate([HistoryPlan(REPO.key, seed=7, issue_count=60, body_bytes_mean=10)])) as running:
        yield running


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(str(tmp_path / "lake"), S3Options(), sandbox.base_url)


def read(place: Place) -> Published:
    return open_published(place.open(), REPO)


def issue_count(found: Published) -> int:
    return found.datasets["issue_current"].count_rows()


@pytest.mark.parametrize(
    "is_rebuild", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["refresh", "rebuild"]
)
def test_readers_see_new_silver_under_the_old_watermark(place: Place, sandbox: Sandbox, is_rebuild: bool):
    refresh(place, "run-1")
    before = read(place)
    sandbox.world.advance(seconds=DAY_SECONDS)
    sandbox.world.acts_on(REPO.key).open(sandbox.world.clock, None, "News")
    sandbox.world.advance(seconds=DAY_SECONDS)
    dead = Run(place, "run-2")
    dead.extract()
    dead.merge_silver(is_rebuild=is_rebuild)
    between = read(place)
    assert (between.is_settled, between.sync, between.open_count) == (False, before.sync, before.open_count)
    assert issue_count(between) - issue_count(before) == (0 if is_rebuild else 1)
    refresh(place, "run-3")
    after = read(place)
    assert (after.is_settled, after.open_count) == (True, before.open_count + 1)
    assert after.as_of_at > before.as_of_at


def test_gold_before_any_watermark_says_what_is_missing(place: Place):
    dead = Run(place, "run-1")
    dead.extract()
    dead.merge_silver()
    with pytest.raises(LakeError, match="no complete walk of the issues"):
        dead.make_marts()
