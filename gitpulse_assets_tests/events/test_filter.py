"""What is kept of an archive's files: some repositories, owners or types; and what the files lack."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from gitpulse_assets.events.forgetting import forget_in_events
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.metrics.event_days import coverage_of_day
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.archives import Kept, parse_archives
from gitpulse_assets.watch.state import Member, Membership, membership
from gitpulse_assets_tests.events.hours import START, event, packed
from gitpulse_assets_tests.events.organisation import Organisation, ask, polled


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """An hour with three events of each of three repositories, and one that names none."""
    kinds = ("PushEvent", "WatchEvent", "GollumEvent")
    made = [event(10 * r + n, START, kind, repository=r) for r in (1, 2, 3) for n, kind in enumerate(kinds)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / file_name(START)).write_bytes(packed([*made, event(99, START) | {"repo": {}}]))
    return f"a={tmp_path / 'a'}"


def kept(stored) -> set[tuple[str, str]]:
    return {(row["repository_name"], row["event_type"]) for row in stored()}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("", 10),
        ("repositories=Acme/R1,acme/r3", 6),
        ("repositories=acme/*", 9),
        ("types=PushEvent", 4),
        ("repositories=acme/r2 types=WatchEvent,GollumEvent", 2),
        ("repositories=nobody/nothing", 0),
    ],
)
def test_only_what_is_asked_for_is_kept_and_the_file_is_counted_whole(
    options, count, archive, lake, run, stored
):
    run(lake, f"{archive} {options}", days=1)
    assert len(stored()) == count if count else not list(lake.store.list("silver/public_event/"))
    (row,) = (row for row in stored("archive_hour") if row["status"] == "whole")
    assert (row["row_count"], row["added_count"]) == (10, count)
    types = stored("archive_type")
    assert sum(one["event_count"] for one in types) == 10
    assert sum(one["kept_count"] for one in types) == count


def test_what_more_is_kept_later_comes_from_the_file_as_received(archive, lake, run, stored, tmp_path):
    run(lake, f"{archive} repositories=acme/r1", days=1)
    (tmp_path / "a" / file_name(START)).unlink()
    run(lake, f"{archive} repositories=acme/r2 types=PushEvent", days=1)
    assert kept(stored) == {
        *((f"acme/r{r}", kind) for r in (1, 2) for kind in ("PushEvent", "WatchEvent", "GollumEvent"))
    }
    (row,) = (row for row in stored("archive_hour") if row["status"] == "whole")
    assert (row["kept_repositories"], row["kept_types"]) == (["acme/r1", "acme/r2"], None)
    run(lake, archive, days=1)
    assert len(stored()) == 10


def test_what_less_is_kept_later_reads_nothing_and_takes_nothing_away(archive, lake, run, stored):
    run(lake, archive, days=1)
    (before,) = (row for row in stored("archive_hour") if row["status"] == "whole")
    run(lake, f"{archive} types=PushEvent", days=1)
    assert before in stored("archive_hour")
    assert len(stored()) == 10


def test_what_is_watched_is_kept_by_its_names(archive, lake, run, stored):
    with pytest.raises(LakeError, match="a: it keeps what is watched, and nothing is; set GITPULSE_REPOS"):
        run(lake, f"{archive} repositories=watched", days=1)
    watched = Member(name="acme/r2", origin="the test", since=START)
    membership(lake.store).save(Membership(members={"acme/r2": watched}))
    run(lake, f"{archive} repositories=watched,acme/r3", days=1)
    assert {name for name, _ in kept(stored)} == {"acme/r2", "acme/r3"}


def test_what_is_watched_is_kept_by_its_id_when_it_is_called_otherwise(archive, lake, run, stored):
    watched = Member(name="acme/booster", origin="the test", since=START, repository_id=2)
    membership(lake.store).save(Membership(members={"acme/booster": watched}))
    run(lake, f"{archive} repositories=watched", days=1)
    assert {name for name, _ in kept(stored)} == {"acme/r2"}
    (row,) = (row for row in stored("archive_hour") if row["status"] == "whole")
    assert (row["kept_repositories"], row["kept_repository_ids"]) == (["acme/booster"], [2])


@pytest.mark.parametrize("option", ["repositories=", "repositories=acme", "repositories=a/b;c", "types=push"])
def test_what_is_no_filter_is_refused(option: str):
    with pytest.raises(ValueError, match=r"a: repositories= is a list of|a: types= is a list of|entry 2"):
        parse_archives(f"a=/data {option}")


def test_what_keeps_more_is_told():
    some, all_of_it = Kept(("a/b",), ("PushEvent",)), Kept()
    assert all_of_it.has(some)
    assert not some.has(all_of_it)
    assert some.joined(Kept(("a/c",), ("PushEvent", "WatchEvent"))) == Kept(
        ("a/b", "a/c"), ("PushEvent", "WatchEvent")
    )
    assert some.joined(Kept(("a/c",))) == Kept(("a/b", "a/c"))


class Lacking:
    """A followed repository, and an archive of all that happens in it but, in one hour, a star."""

    def __init__(self, lake, con, root: Path, options: str = "") -> None:
        self.of, self.archive = Organisation(), f"b={root / 'b'} {options}"
        (root / "b").mkdir()
        polled(lake, con, self.of, Repo("acme", "rocket"))
        for number in range(3):
            self.hour(root / "b", number)
            polled(lake, con, self.of, Repo("acme", "rocket"))
        # All that happened has shown by then.
        self.of.world.advance(seconds=8 * 3600)
        polled(lake, con, self.of, Repo("acme", "rocket"))

    def hour(self, folder: Path, number: int) -> None:
        at = START + timedelta(hours=number)
        self.of.world.advance(to=f"{at:%Y-%m-%dT%H:%M:%SZ}")
        self.of.happen("rocket", 12, 3000, types=("WatchEvent",))
        rows = [row for row in self.of.sent("rocket") if row["created_at"][:13] == f"{at:%Y-%m-%dT%H}"]
        (folder / file_name(at)).write_bytes(packed(rows[1:] if number == 1 else rows))
        self.of.world.advance(seconds=500)


@pytest.mark.parametrize("options", ["", "repositories=other/one"])
def test_an_archive_is_held_against_feeds_whatever_is_kept_of_it(options: str, lake, con, run, tmp_path):
    made = Lacking(lake, con, tmp_path, options)
    run(lake, made.archive, days=1)
    of_day = coverage_of_day(lake, con, Day((START + timedelta(hours=1)).date()))
    lacking = [f"{one.from_at:%H:%M}" for one in of_day.stretches if one.reason == "feeds_have_more"]
    assert lacking == ["22:00"]
    assert "feeds that are whole have events that the archive lacks" in (of_day.reason() or "")


def test_a_repository_that_was_called_otherwise_is_found_by_its_id(lake, con, run, tmp_path):
    made = Lacking(lake, con, tmp_path)
    for path in (tmp_path / "b").iterdir():
        path.write_bytes(
            gzip.compress(gzip.decompress(path.read_bytes()).replace(b"acme/rocket", b"acme/old"))
        )
    run(lake, made.archive, days=1)
    of_day = coverage_of_day(lake, con, Day((START + timedelta(hours=1)).date()))
    lacking = [f"{one.from_at:%H:%M}" for one in of_day.stretches if one.reason == "feeds_have_more"]
    assert lacking == ["22:00"]


def test_a_forgotten_person_is_in_no_filter_and_no_count_of_feeds(lake, con, run, tmp_path, stored):
    made = Lacking(lake, con, tmp_path, "repositories=acme/rocket,other/one")
    run(lake, made.archive, days=1)
    assert {row["repository_name"] for row in stored("archive_feed")} == {"acme/rocket"}
    forget_in_events(lake, con, "acme", projections())
    assert stored("archive_feed") == []
    named = [row["kept_repositories"] for row in stored("archive_hour") if row["status"] == "whole"]
    assert named == [["other/one"]] * len(named)


def test_a_figure_of_what_is_kept_is_whole_and_one_of_all_says_so(lake, con, run, tmp_path):
    made = Lacking(lake, con, tmp_path, "repositories=acme/rocket")
    run(lake, made.archive, days=1)
    every = ask(lake, "active_repositories", offset="240")
    assert every.reason is not None
    assert "not everything is kept of the archive's files" in every.reason
    one = ask(lake, "stars_per_day", days="1", repository="acme/rocket")
    assert "not everything" not in (one.reason or "")
    former = ask(lake, "stars_per_day", days="1", repository="other/former")
    assert "not everything is kept of the archive's files" in str(former.reason)
