"""No hour is called whole that is not, over generated archives whose truth is known."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.events import ARCHIVE_FEED, ARCHIVE_HOUR, ARCHIVE_TYPE, EVENT_HOUR
from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.events.completeness import EVENT_HOUR_VERDICT, judge_hours
from gitpulse_assets.events.ledger import HourRow, lateness
from gitpulse_assets.lake.duck import session

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TYPES = {"PushEvent": 900, "WatchEvent": 120, "PublicEvent": 1}

FEED_EVENT = pa.schema(
    [
        ("repository_name", pa.string()),
        ("event_type", pa.string()),
        ("event_hour_at", UTC_TIMESTAMP),
        ("event_count", pa.int64()),
    ]
)
Rows = Iterable[dict[str, Any]]
File = Counter[tuple[str, datetime]]
Files = dict[tuple[str, datetime], File]
Verdicts = dict[tuple[datetime, str], tuple[str, str | None]]


def archive(rng: random.Random, source: str, hour_count: int, share: float = 1.0, late: float = 0.3) -> Files:
    """The whole files of a source: counts by type and the events' own hour, of which a part comes later."""
    files: Files = {(source, BEGIN + number * HOUR): Counter() for number in range(hour_count + 3)}
    for number in range(hour_count):
        for event_type, usual in TYPES.items():
            for _ in range(round(usual * share * rng.uniform(0.8, 1.2))):
                delay = 0 if rng.random() > late else rng.choice([1, 1, 2])
                files[source, BEGIN + (number + delay) * HOUR][event_type, BEGIN + number * HOUR] += 1
    return files


def judged(
    con,
    files: Files,
    hour_count: int,
    held: Counter | None = None,
    ask: Iterable[str] = (),
    *,
    searched: Rows = (),
    of_feeds: Rows = (),
    kept: Mapping[str, Any] = MappingProxyType({}),
    repository: str | None = None,
    **known: Any,
) -> Verdicts:
    """What the verdicts are where exactly these files were read; `held` unless each event came once.

    `searched`, `of_feeds`: rows of `archive_feed` and `feed_event`; `kept`: columns of `archive_hour`.
    `known`: what is known of the repository.
    """
    hours, types = [], []
    for (source, file_hour_at), counts in files.items():
        row = HourRow(source=source, file_hour_at=file_hour_at, status="whole", asked_at=BEGIN)
        hours.append({**vars(row), **kept})
        named = {"source": source, "file_hour_at": file_hour_at}
        types += [
            named | {"event_type": name, "lateness_hours": late, "event_count": count}
            for (name, late), count in lateness(row, counts).items()
        ]
    counted = held if held is not None else sum(files.values(), Counter())
    own = [{"event_hour_at": at, "event_type": name, "event_count": n} for (name, at), n in counted.items()]
    with session(con) as one:
        for contract, rows in ((ARCHIVE_HOUR, hours), (ARCHIVE_TYPE, types), (EVENT_HOUR, own)):
            one.register(contract.name, pa.Table.from_pylist(rows, contract.arrow_schema))
        one.register(ARCHIVE_FEED.name, pa.Table.from_pylist([*searched], ARCHIVE_FEED.arrow_schema))
        one.register("feed_event", pa.Table.from_pylist([*of_feeds], FEED_EVENT))
        judge_hours(one, BEGIN, BEGIN + (hour_count - 1) * HOUR, list(ask), repository, **known)
        found = one.sql("from event_hour_verdict").to_arrow_table()
    assert found.column_names == list(EVENT_HOUR_VERDICT.column_names)
    return {(r["event_hour_at"], r["event_type"]): (r["verdict"], r["reason"]) for r in found.to_pylist()}


def not_whole(verdicts: Verdicts) -> dict[Any, Any]:
    return {key: said for key, said in verdicts.items() if said[0] != "whole"}


def test_hours_are_whole_where_every_file_that_may_have_their_events_is_there(con):
    files = archive(random.Random(1), "a", 72)
    assert not_whole(judged(con, files, 72)) == {}


@pytest.mark.parametrize("seed", range(12))
def test_no_hour_is_called_whole_that_is_not(con, seed: int):
    rng = random.Random(seed)
    truth = archive(rng, "a", 72, late=rng.choice([0.0, 0.3, 0.6]))
    files = dict(truth)
    for gone in rng.sample(sorted(truth), 4):
        del files[gone]
    torn = rng.sample(sorted(files), 2)
    for key in torn:
        files[key] = Counter({what: count // 6 for what, count in files[key].items()})
    every, held = sum(truth.values(), Counter()), sum(files.values(), Counter())
    verdicts = judged(con, files, 72)
    wrong = [
        (at, name)
        for (at, name), (verdict, _) in verdicts.items()
        # Hours differ by a fifth from their usual, of which half is asked for.
        if verdict == "whole" and held[name, at] < 0.4 * every[name, at] - 3 * every[name, at] ** 0.5
    ]
    assert wrong == []
    # A file that is gone is never overlooked, however few of an hour's events it has.
    gone = {key for key in truth if key not in files}
    for source, file_hour_at in gone:
        for (name, at), count in truth[source, file_hour_at].items():
            if count > 5:
                assert verdicts[at, name][0] != "whole", (name, at, count)
    assert sum(said[0] == "whole" for said in verdicts.values()) > 72


def test_an_hour_without_its_file_is_missing_and_one_without_later_files_is_thin(con):
    files = archive(random.Random(2), "a", 72)
    at = BEGIN + 40 * HOUR
    del files["a", at]
    verdicts = judged(con, files, 72)
    assert verdicts[at, "PushEvent"] == ("missing", "no_file")
    assert verdicts[at - HOUR, "PushEvent"] == ("thin", "later_files")
    assert verdicts[at - 2 * HOUR, "WatchEvent"] == ("thin", "later_files")
    assert verdicts[at + HOUR, "PushEvent"] == ("whole", None)


def test_the_last_hours_are_not_whole_before_the_files_their_late_events_come_in(con):
    files = {
        key: one for key, one in archive(random.Random(3), "a", 72).items() if key[1] < BEGIN + 72 * HOUR
    }
    verdicts = judged(con, files, 72)
    assert verdicts[BEGIN + 71 * HOUR, "PushEvent"] == ("thin", "later_files")
    assert verdicts[BEGIN + 69 * HOUR, "PushEvent"] == ("whole", None)


def test_a_loss_of_one_type_is_told_though_the_others_grow(con):
    files = archive(random.Random(4), "a", 96, late=0.0)
    for (_, at), counts in files.items():
        if at >= BEGIN + 72 * HOUR:
            counts["WatchEvent", at] = 5
            counts["PushEvent", at] *= 2
    verdicts = judged(con, files, 96)
    assert verdicts[BEGIN + 80 * HOUR, "WatchEvent"] == ("thin", "few_events")
    assert verdicts[BEGIN + 80 * HOUR, "PushEvent"] == ("whole", None)
    assert verdicts[BEGIN + 60 * HOUR, "WatchEvent"] == ("whole", None)


def test_a_poor_source_does_not_vouch_for_a_rich_one(con):
    rich, poor = archive(random.Random(5), "rich", 72), archive(random.Random(6), "poor", 72, 0.02, 0.0)
    at = BEGIN + 40 * HOUR
    del rich["rich", at]
    verdicts = judged(con, rich | poor, 72)
    assert verdicts[at, "PushEvent"] == ("thin", "few_events")
    # Its late events are in the file that is gone, and the poor source has its own files all.
    assert verdicts[at - HOUR, "PushEvent"] == ("thin", "few_events")
    assert verdicts[at + HOUR, "PushEvent"] == ("whole", None)


def test_copies_do_not_make_an_hour_whole(con):
    files = archive(random.Random(7), "a", 72, late=0.0)
    at = BEGIN + 40 * HOUR
    held = sum(files.values(), Counter())
    held["PushEvent", at] //= 4
    assert judged(con, files, 72, held)[at, "PushEvent"] == ("thin", "few_events")


def test_a_date_that_is_not_the_event_s_does_not_make_its_archive_late(con):
    files = archive(random.Random(8), "a", 72, late=0.0)
    for (_, at), counts in files.items():
        counts["PushEvent", at - timedelta(days=300)] = 200
    assert not_whole(judged(con, files, 72)) == {}


def test_a_first_hour_alone_has_nothing_to_be_compared_with(con):
    files = {key: one for key, one in archive(random.Random(9), "a", 1, late=0.0).items() if key[1] == BEGIN}
    assert judged(con, files, 1)[BEGIN, "PushEvent"] == ("thin", "no_history")


def test_a_poor_archive_does_not_vouch_for_a_rich_one_of_which_too_few_hours_are_held(con):
    rich = archive(random.Random(11), "a", 3, late=0.0)
    poor = archive(random.Random(12), "b", 3, 0.2, late=0.0)
    for hour in range(2, 6):
        rich.pop(("a", BEGIN + hour * HOUR), None)
    assert judged(con, {**rich, **poor}, 3)[BEGIN + 2 * HOUR, "PushEvent"] == ("thin", "no_history")


def test_nor_for_one_of_whose_hours_later_files_are_lacking(con):
    rich, poor = archive(random.Random(13), "a", 6), archive(random.Random(14), "b", 6, 0.2, late=0.0)
    for hour in (2, 4):
        del rich["a", BEGIN + hour * HOUR]
    assert judged(con, {**rich, **poor}, 6)[BEGIN + 2 * HOUR, "PushEvent"] == ("thin", "no_history")


def test_a_weekend_is_compared_with_weekends(con):
    files = archive(random.Random(10), "a", 24 * 14, late=0.0)
    for (_, at), counts in files.items():
        if at.isoweekday() >= 6:
            for what in counts:
                counts[what] = counts[what] * 2 // 5
    found = not_whole(judged(con, files, 24 * 14))
    assert {at.date() for at, _ in found} <= {
        (BEGIN + timedelta(days=5)).date(),
        (BEGIN + timedelta(days=6)).date(),
    }


def test_a_type_nothing_is_held_of_is_judged_by_its_archive_s_files(con):
    files = archive(random.Random(11), "a", 24, late=0.0)
    at = BEGIN + 9 * HOUR
    del files["a", at]
    verdicts = judged(con, files, 24, ask=["ForkEvent"])
    assert verdicts[at, "ForkEvent"] == ("missing", "no_file")
    assert verdicts[at + HOUR, "ForkEvent"] == ("whole", None)


def test_without_any_file_all_is_missing(con):
    assert set(judged(con, {}, 2, Counter({("PushEvent", BEGIN): 3})).values()) == {("missing", "no_file")}


def test_hours_whose_events_ended_by_age_are_not_held_whatever_brought_them(con):
    files = archive(random.Random(15), "a", 72, late=0.0)
    held = sum(files.values(), Counter())
    ended = {what for what in held if what[1] < BEGIN + 48 * HOUR and what[0] == "PushEvent"}
    held.update({what: -held[what] for what in ended})
    assert not_whole(judged(con, files, 72, held)) == {(at, name): ("missing", "ended") for name, at in ended}


def test_what_ended_by_age_still_tells_what_is_usual(con):
    files = archive(random.Random(16), "a", 96, late=0.0)
    for (_, at), counts in files.items():
        if at >= BEGIN + 72 * HOUR:
            counts["WatchEvent", at] = 5
    held = sum(files.values(), Counter())
    held.update({what: -count for what, count in held.items() if what[1] < BEGIN + 72 * HOUR})
    assert judged(con, files, 96, held)[BEGIN + 80 * HOUR, "WatchEvent"] == ("thin", "few_events")


def searched_for(files: Files, name: str, found: Mapping[datetime, int]) -> list[dict[str, Any]]:
    """Rows of `archive_feed`: a feed was looked for in all files, and so many pushes found by their hour."""
    named = {"repository_name": name, "lateness_hours": 0}
    return [
        named | {"source": source, "file_hour_at": at, "event_type": kind, "event_count": count}
        for source, at in files
        for kind, count in (("", 0), *([("PushEvent", found[at])] if at in found else []))
    ]


def of_feed(at: datetime, count: int, event_type: str = "PushEvent") -> dict[str, Any]:
    """A row of `feed_event`."""
    named = {"repository_name": "acme/rocket", "event_hour_at": at}
    return named | {"event_type": event_type, "event_count": count}


def test_an_hour_in_which_a_whole_feed_has_more_than_the_archive_is_thin_for_that_type(con):
    files = archive(random.Random(15), "a", 72, late=0.0)
    at = BEGIN + 40 * HOUR
    searched = searched_for(files, "acme/rocket", {at: 4, at + HOUR: 5})
    of_feeds = [of_feed(at, 5), of_feed(at + HOUR, 5)]
    assert not_whole(judged(con, files, 72, searched=searched, of_feeds=of_feeds)) == {
        (at, "PushEvent"): ("thin", "feeds_have_more")
    }


def test_a_feed_of_which_the_archive_has_nothing_at_all_makes_it_thin_too(con):
    files = archive(random.Random(16), "a", 72, late=0.0)
    at = BEGIN + 40 * HOUR
    searched, of_feeds = searched_for(files, "acme/rocket", {}), [of_feed(at, 1, "WatchEvent")]
    assert not_whole(judged(con, files, 72, searched=searched, of_feeds=of_feeds)) == {
        (at, "WatchEvent"): ("thin", "feeds_have_more")
    }


def test_a_file_that_was_not_searched_for_a_feed_is_not_held_against_it(con):
    files = archive(random.Random(17), "a", 72, late=0.0)
    at = BEGIN + 40 * HOUR
    searched = [row for row in searched_for(files, "acme/rocket", {}) if row["file_hour_at"] != at]
    assert not_whole(judged(con, files, 72, searched=searched, of_feeds=[of_feed(at, 5)])) == {}


def test_another_archive_that_has_what_one_lacks_vouches_for_the_hour(con):
    files = archive(random.Random(18), "a", 72, late=0.0)
    at = BEGIN + 40 * HOUR
    both = files | {("b", hour_at): counts for (_, hour_at), counts in files.items()}
    searched = searched_for(files, "acme/rocket", {}) + searched_for(
        {key: one for key, one in both.items() if key[0] == "b"}, "acme/rocket", {at: 5}
    )
    held = sum(files.values(), Counter())
    assert not_whole(judged(con, both, 72, held, searched=searched, of_feeds=[of_feed(at, 5)])) == {}


@pytest.mark.parametrize(
    ("kept", "repository", "types"),
    [
        ({"kept_repositories": ["acme/rocket"]}, None, set(TYPES)),
        ({"kept_repositories": ["acme/rocket"]}, "acme/rocket", set()),
        ({"kept_repositories": ["acme/*"]}, "acme/rocket", set()),
        ({"kept_repositories": ["acme/rocket"]}, "acme/moon", set(TYPES)),
        ({"kept_types": ["PushEvent"]}, None, {"WatchEvent", "PublicEvent"}),
        ({"kept_types": ["PushEvent"], "kept_repositories": ["a/*"]}, "a/b", {"WatchEvent", "PublicEvent"}),
    ],
)
def test_hours_of_which_not_all_is_kept_are_whole_for_what_is(con, kept, repository, types):
    files = archive(random.Random(19), "a", 72, late=0.0)
    found = not_whole(judged(con, files, 72, kept=kept, repository=repository))
    assert {kind for _, kind in found} == types
    assert set(found.values()) <= {("thin", "filtered")}


@pytest.mark.parametrize(
    ("ids", "repository_id", "whole"), [([5], 5, 72), ([5], 6, 11), ([], 5, 11), (None, None, 11)]
)
def test_a_name_that_is_kept_vouches_for_the_hours_in_which_it_was_seen_and_an_id_for_all(
    con, ids, repository_id, whole
):
    """Events of a repository that is called otherwise are not kept by its name: 0 was called whole."""
    files = archive(random.Random(19), "a", 72, late=0.0)
    kept = {"kept_repositories": ["acme/rocket"], "kept_repository_ids": ids}
    known = {"repository_id": repository_id, "named_in": (BEGIN + 10 * HOUR, BEGIN + 20 * HOUR)}
    found = judged(con, files, 72, kept=kept, repository="acme/rocket", **known)
    assert len({at for at, _ in found.keys() - not_whole(found).keys()}) == whole
