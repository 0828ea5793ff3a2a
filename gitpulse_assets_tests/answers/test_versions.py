"""A changed lake is seen at once, half a change never; what has no answer says what to do."""

import threading
from pathlib import Path

import pytest

from gitpulse_assets.answers.errors import FirstSyncUnfinished, UnknownRepository
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import IssueFilter
from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.contracts.silver import ISSUE_TRANSITIONS
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.answer_lakes import (
    EMPTY,
    HALF,
    ROCKET,
    copy_filled,
    generated_world,
    publish,
    sync,
)
from gitpulse_assets_tests.s3_server import ON_S3, ON_S3_SLOW

SMALL = {"issue_count": 60, "day_count": 90}


@pytest.fixture
def small(stored, pytestconfig, tmp_path):
    """A lake of its own, with its world and answers."""
    lake, world = stored(), generated_world(**SMALL)
    place = lake.store.uri("")
    if place.startswith("s3://"):
        sync(lake, world, ROCKET, tmp_path)
    else:
        copy_filled(pytestconfig, Path(place), **SMALL)
    answers = LakeAnswers(lake)
    yield lake, world, answers
    answers.close()


@pytest.fixture
def small_folder(pytestconfig, tmp_path):
    """The same in a folder only."""
    world = copy_filled(pytestconfig, tmp_path / "lake", **SMALL)
    lake = Lake.open(str(tmp_path / "lake"))
    answers = LakeAnswers(lake)
    yield lake, world, answers
    answers.close()


def silver_of(lake):
    return {table: lake.dataset(table, ROCKET).to_table() for table in SILVER_TABLES}


def gold_of(lake):
    return {table: lake.dataset(table, ROCKET).to_table() for table in MART_TABLES}


def total(answers) -> int:
    return answers.ask(ROCKET, lambda asked: asked.issues(IssueFilter())).total_count


@pytest.mark.parametrize("stored", ["folder", ON_S3_SLOW], indirect=True)
def test_a_changed_lake_is_seen_at_the_next_question(small, tmp_path):
    lake, world, answers = small
    before = total(answers)
    world.advance(seconds=3 * 86_400)
    world.acts_on(ROCKET.key).open(world.clock, None, "One more")
    sync(lake, world, ROCKET, tmp_path)
    assert total(answers) == lake.dataset(MART_ISSUE_LIFECYCLE, ROCKET).count_rows() > before
    assert answers.status(ROCKET).is_complete


def test_an_answer_is_computed_once_a_version(rocket, monkeypatch):
    window = rocket.window(start=rocket.published.first_date)
    first = rocket.daily_flow(window)
    monkeypatch.setattr(rocket, "_mart", lambda *_: pytest.fail("computed again"))
    assert rocket.daily_flow(window) is first


def test_the_marts_stay_with_the_silver_they_were_made_from(small_folder):
    lake, _, answers = small_folder
    status = answers.status(ROCKET)
    assert (status.is_complete, status.note) == (True, None)
    window, before = answers.ask(ROCKET, lambda asked: (asked.window(28), asked.swing_days(asked.window(28))))
    newer = silver_of(lake)
    newer[ISSUE_TRANSITIONS] = newer[ISSUE_TRANSITIONS].slice(0, 5)
    publish(lake, "silver", ROCKET, newer)
    assert answers.ask(ROCKET, lambda asked: asked.swing_days(window)).equals(before)
    assert answers.ask(ROCKET, lambda asked: asked.daily_flow(window)).num_rows == 28
    status = answers.status(ROCKET)
    assert not status.is_complete
    assert "a refresh is being published, or a check kept its marts back" in str(status.note)


@pytest.mark.parametrize("stored", [pytest.param("folder", marks=pytest.mark.slow), ON_S3], indirect=True)
def test_what_is_replaced_while_it_is_read_is_asked_again(small):
    """A folder gives the old table to its end, a bucket refuses it; either way the answer is whole."""
    lake, _, answers = small
    before = total(answers)
    asked_of: list[str] = []

    def question(asked):
        asked_of.append(asked.published.version)
        if len(asked_of) == 1:
            gold = gold_of(lake)
            gold[MART_ISSUE_LIFECYCLE] = gold[MART_ISSUE_LIFECYCLE].slice(1)
            publish(lake, "gold", ROCKET, gold)
        return asked.issues(IssueFilter(sort="newest"))

    page = answers.ask(ROCKET, question)
    assert page.total_count == before - len(set(asked_of)) + 1
    assert total(answers) == before - 1


def test_readers_while_the_lake_changes_see_whole_versions(small_folder):
    lake, _, answers = small_folder
    counts, errors, stop = set[int](), list[BaseException](), threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                flow, page = answers.ask(
                    ROCKET,
                    lambda asked: (asked.published.flow.num_rows, asked.issues(IssueFilter()).total_count),
                )
                counts.add(flow - page)
            except BaseException as error:
                errors.append(error)
                return

    before = answers.ask(ROCKET, lambda asked: asked.published.flow.num_rows) - total(answers)
    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        publish(lake, "gold", ROCKET, {table: rows.slice(1) for table, rows in gold_of(lake).items()})
    stop.set()
    for reader in readers:
        reader.join(60)
    assert (errors, counts) == ([], {before})


def test_nothing_is_known_of_a_stranger(answers):
    with pytest.raises(UnknownRepository, match="nothing is known of a/b yet; run gitpulse refresh a/b"):
        answers.ask(Repo("a", "b"), lambda asked: asked)


def test_a_first_sync_that_is_not_finished_says_so(answers):
    with pytest.raises(FirstSyncUnfinished, match="the first sync of acme/half is not finished"):
        answers.ask(HALF, lambda asked: asked)
    status = answers.status(HALF)
    assert (status.is_complete, status.open_count, status.verdicts) == (False, None, ())


def test_a_repository_without_issues_has_answers(answers):
    asked = answers.ask(EMPTY, lambda asked: asked)
    for window in (asked.window(28), asked.window("all"), asked.window(180)):
        header = asked.header(window)
        assert (header["opened_count"], header["open_at_end"], header["closed_issue_count"]) == (0, 0, 0)
        assert asked.verdict(window)["direction"] == "unclear"
        assert asked.swing_days(window).num_rows == asked.labels(window).num_rows == 0
        for table in (asked.daily_flow(window), asked.weekday_rhythm(window), asked.ages(window)):
            assert set(table.schema.names).isdisjoint({"repo_owner", "repo_name"})
    assert asked.issues(IssueFilter()).total_count == 0


def test_the_list_has_every_repository(answers):
    statuses = answers.repositories()
    assert [status.repo for status in statuses] == [EMPTY, HALF, ROCKET]
    rocket = statuses[-1]
    asked = answers.ask(ROCKET, lambda asked: asked)
    assert rocket.open_count == asked.header(asked.window(28))["open_now_count"]
    assert [verdict["window_days"] for verdict in rocket.verdicts] == [28, 90, 180]
    assert rocket.is_watched is None


def test_a_repository_off_the_watch_list_is_retired(lake):
    answers = LakeAnswers(lake, lambda repo: repo == ROCKET)
    assert {status.repo: status.is_watched for status in answers.repositories()} == {
        ROCKET: True,
        EMPTY: False,
        HALF: False,
    }
    answers.close()
