"""A rebuild gives the same tables as merging run by run, also when old records were thinned out."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gitpulse_assets.contracts import contributors
from gitpulse_assets.sandbox.model import Label
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.upkeep.retention import apply_retention
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.people.silver import Row, moment, rows
from gitpulse_assets_tests.people.test_conversations import REPO, reader_of

AT_ONCE = timedelta(0)
SHARES = ("transferred_in_share", "transferred_out_share", "deleted_share", "converted_share", "hidden_share")


def spans_of(reader: Reader, label: Label) -> list[Row]:
    found = rows(reader, contributors.LABEL_SPAN)
    return [row for row in found if row["label_id"] == label.label_id]


def full_sync_later(reader: Reader) -> None:
    reader.world.clock += DAY_SECONDS
    reader.sync(is_full=True)


def test_case_03_moments_that_only_old_records_show_outlive_them(tmp_path: Path):
    """A label deleted, one that no event tells of, one renamed on a thread that left, and associations.

    And one that a full walk alone showed renamed before it was deleted: no conversation was read again, and
    the record of the thread that left has the former name.
    """
    reader = reader_of(tmp_path / "lake", 4, issue_count=6)
    acts = reader.world.acts_on(REPO.key)
    first, second, third, fourth, fifth, *_ = acts.repository.issues.values()
    labels = [Label(9_000 + number, f"label {number}", "fff") for number in range(5)]
    acts.repository.labels += labels
    deleted, renamed, untold, shown, taken = labels
    on = ((first, deleted), (second, renamed), (second, shown), (fourth, shown), (fifth, taken))
    for issue, label in on:
        acts.label(issue, reader.world.clock, acts.repository.issues[1].author, label)
    third.labels.append(untold)
    acts.forget_rendered()
    full_sync_later(reader)
    full_sync_later(reader)
    acts.delete_label(deleted, reader.world.clock)
    acts.delete_label(untold, reader.world.clock)
    acts.delete(second, reader.world.clock)
    acts.rename_label(renamed, "new name")
    acts.rename_label(shown, "last name")
    acts.label(first, reader.world.clock, first.author, renamed)
    acts.label(fifth, reader.world.clock, first.author, taken)
    full_sync_later(reader)
    noticed_at = moment(reader.world.clock)
    acts.delete_label(shown, reader.world.clock)
    for issue in acts.repository.issues.values():
        if issue.author:
            issue.author.association = "OWNER"
    full_sync_later(reader)
    full_sync_later(reader)
    assert apply_retention(reader.lake, REPO, AT_ONCE).record_count > 0
    assert differences(reader.lake, REPO) == {}
    ends = [(row["to_at"], row["is_to_inferred"]) for row in spans_of(reader, deleted)]
    ends += [(row["to_at"], row["is_to_inferred"]) for row in spans_of(reader, untold)]
    assert ends == [(noticed_at, True)] * 2
    assert {row["label_name"] for row in spans_of(reader, renamed)} == {"new name"}
    assert len(spans_of(reader, renamed)) == 2
    assert [row["label_name"] for row in spans_of(reader, shown)] == ["last name"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 60))
def test_case_03_a_rebuild_gives_the_same_tables_before_and_after_retention(tmp_path: Path, seed: int):
    shares = {**dict.fromkeys(SHARES, 0.08), "label_renames_per_year": 40, "login_renames_per_year": 40}
    reader, rng = reader_of(tmp_path / "lake", seed, 15, **shares), Random(seed)
    acts = reader.world.acts_on(REPO.key)
    for _ in range(5):
        reader.sync(is_full=rng.random() < 0.4)
        if rng.random() < 0.5:
            apply_retention(reader.lake, REPO, AT_ONCE)
        acts.delete_label(rng.choice(acts.repository.labels), reader.world.clock)
        reader.world.advance(seconds=rng.randrange(1, 9 * DAY_SECONDS))
    reader.sync(is_full=True)
    assert differences(reader.lake, REPO) == {}
    apply_retention(reader.lake, REPO, AT_ONCE)
    assert differences(reader.lake, REPO) == {}
