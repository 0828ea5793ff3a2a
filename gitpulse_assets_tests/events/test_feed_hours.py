"""What feeds that are proven whole say of hours, of one repository and of all that are followed."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.model import UTC_TIMESTAMP
from gitpulse_assets.events.completeness import ALWAYS, days_needed, days_told_of
from gitpulse_assets.events.feed_hours import FeedHours, by_feeds, feed_stretches, with_feeds
from gitpulse_assets.events.feed_state import ANOTHER_REPOSITORY, Feeds, FeedState
from gitpulse_assets.events.incoming import feed_counts
from gitpulse_assets.lake.duck import session

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def span(
    begin: float, end: float, gap: str | None = "first_poll", name: str = "acme/rocket"
) -> dict[str, Any]:
    ends = {"span_begin_at": at(begin), "span_end_at": at(end)}
    return {"repository_name": name, "gap_reason": gap, **ends}


def verdicts(spans: list[dict[str, Any]], repository: str | None, **days: list[date]) -> list[str]:
    """The verdicts of the first twelve hours where no archive's file was read."""
    rows = [
        {"event_hour_at": at(hour), "event_type": "PushEvent", "verdict": "missing", "reason": "no_file"}
        for hour in range(12)
    ]
    found = with_feeds(rows, feed_stretches(spans), repository, **days)
    return [row["reason"] or row["verdict"] for row in found]


def test_an_hour_is_whole_where_all_of_it_has_had_its_time_to_show_up():
    found = ["no_file"] * 2 + ["whole"] * 3 + ["young"] * 6 + ["no_file"]
    assert verdicts([span(1.5, 11)], "acme/rocket") == found


def test_a_stretch_goes_on_at_midnight():
    assert verdicts([span(-9, -0.1), span(-0.1, 8, gap=None)], "acme/rocket")[:3] == [
        "whole",
        "whole",
        "young",
    ]


def test_a_gap_ends_a_stretch():
    found = verdicts([span(0, 9), span(9.2, 30, gap="code")], "acme/rocket")
    assert found == ["whole"] * 3 + ["no_file"] * 7 + ["whole"] * 2


def test_what_a_name_proved_of_the_repository_that_had_it_before_is_not_this_one_s():
    spans = [span(-9, 3.2) | {"is_public": False}, span(3.5, 30, gap=ANOTHER_REPOSITORY)]
    assert verdicts(spans, "acme/rocket") == ["no_file"] * 4 + ["whole"] * 8
    assert verdicts(spans, None) == ["no_file"] * 4 + ["whole"] * 8
    found = feed_stretches(spans)
    assert (found.private, found.since) == (frozenset(), {"acme/rocket": at(3.5)})


@pytest.mark.parametrize("seed", range(30))
def test_hours_are_those_that_the_rule_gives_one_by_one(seed: int):
    rng, names = random.Random(seed), ["acme/rocket", "acme/*", "ada/moon"]
    stretches = {name: some_stretches(rng) for name in names}
    hours = [at(hour) for hour in range(30)]
    told = {(name, hour): plainly(stretches, name, hour) for name in names for hour in hours}
    assert by_feeds(FeedHours(stretches), names, hours) == {
        hour: together([told[name, hour] for name in names]) for hour in hours
    }
    rows = FeedHours(stretches).hours_of(names, hours[0], hours[-1]).to_pylist()
    spread = [
        (row["repository_name"], hour)
        for row in rows
        for hour in hours
        if row["first_hour_at"] <= hour <= row["last_hour_at"]
    ]
    assert sorted(spread) == sorted(key for key, said in told.items() if said == "whole")


def some_stretches(rng: random.Random) -> list[tuple[datetime, datetime]]:
    """Some that follow each other, to the minute; now and then on the hour."""
    moments = sorted(
        rng.choice([rng.randrange(40), rng.uniform(-5, 40)]) for _ in range(rng.choice([0, 2, 4]))
    )
    return [(at(begin), at(end)) for begin, end in zip(moments[::2], moments[1::2], strict=True)]


def plainly(stretches: dict[str, list[tuple[datetime, datetime]]], name: str, hour: datetime) -> str | None:
    """What a repository's feed and its owner's prove of an hour, by the words of the rule."""
    feeds = [stretches[name], stretches["acme/*"] if name.startswith("acme/") else []]
    if any(begin <= hour and end >= hour + timedelta(hours=7) for feed in feeds for begin, end in feed):
        return "whole"
    return "young" if any(feed and feed[-1][0] <= hour < feed[-1][1] for feed in feeds) else None


def together(told: list[str | None]) -> str | None:
    """What all say, together."""
    known = [one for one in told if one]
    if len(known) < len(told):
        return "some_feeds" if known else None
    return "young" if "young" in known else "whole"


def test_another_repository_s_feed_says_nothing():
    assert set(verdicts([span(-5, 40)], "acme/other")) == {"no_file"}


def test_a_gap_of_long_ago_is_not_told_as_what_may_still_show_up():
    """Of a feed that is polled every minute the newest hours were told alike with those that are lost."""
    polled, lost = span(9.2, 11.9, gap="code"), span(-5, 9)
    assert verdicts([lost, polled], None)[3:] == ["no_file"] * 7 + ["young"] * 2
    both = [lost, polled, span(-5, 11.9, name="acme/moon")]
    assert verdicts(both, None)[3:] == ["some_feeds"] * 7 + ["young"] * 2


@pytest.mark.parametrize(("end", "reason"), [(40, "whole"), (-0.5, "some_feeds")])
def test_of_all_repositories_every_feed_that_is_followed_counts(end: float, reason: str):
    assert set(verdicts([span(-5, 40), span(-5, end, name="acme/other")], None)) == {reason}


def test_a_few_feeds_do_not_stand_for_an_archive_of_all_repositories():
    assert set(verdicts([span(-5, 40)], None, archived=[DAY.date()])) == {"no_file"}


def test_where_archives_count_does_not_depend_on_the_time_that_is_asked_for():
    """By all days that were read, an hour was whole in a question of a day and missing in one of a month."""
    told = days_told_of(date(2026, 10, 15))
    assert (told[0], told[-1]) == (date(2026, 10, 12), date(2026, 11, 12))
    for day in (told[0], told[-1]):
        first, last = days_needed(day, day)
        assert first <= date(2026, 10, 15) <= last
    for day in (date(2026, 10, 11), date(2026, 11, 13)):
        first, last = days_needed(day, day)
        assert not first <= date(2026, 10, 15) <= last


def test_a_sample_beside_feeds_that_are_whole_is_never_called_whole():
    assert set(verdicts([span(-5, 40)], None, sampled=[DAY.date()])) == {"sample"}
    assert set(verdicts([span(-5, 40)], None, sampled=[date(2026, 3, 1)])) == {"whole"}
    # Of one repository all is held, whatever else is.
    assert set(verdicts([span(-5, 40)], "acme/rocket", sampled=[DAY.date()])) == {"whole"}


def test_a_feed_that_answers_no_more_is_followed_as_long_as_it_is_asked():
    feeds = {
        "acme/gone": FeedState(trouble="404", failed_at=at(3)),
        "acme/given-up": FeedState(trouble="404", failed_at=at(-60)),
        "acme/rocket": FeedState(),
        "*/*": FeedState(trouble="502", failed_at=at(3)),
    }
    assert Feeds(feeds).failing(date(2026, 3, 1)) == ["acme/gone"]


def test_an_organisation_s_feed_proves_a_repository_whole_while_it_is_known_to_be_there():
    feeds = feed_stretches([span(-5, 40, name="acme/*")])
    times = (
        ((at(2.5), ALWAYS[1]), range(3, 12)),
        ((at(-9), ALWAYS[1]), range(12)),
        ((at(2.5), at(5.5)), range(3, 5)),
        (None, range(0)),
    )
    for owned_in, hours in times:
        called = feeds.called("acme/rocket", ["acme/rocket"], owned_in)
        whole = called.whole("acme/rocket")
        assert [hour for hour in range(12) if any(a <= at(hour) <= b for a, b in whole)] == [*hours]


def test_what_an_archive_proves_stands():
    rows = [{"event_hour_at": at(0), "event_type": "PushEvent", "verdict": "whole", "reason": None}]
    assert with_feeds(rows, feed_stretches([span(5, 6)]), None) == rows


def test_a_feed_that_was_whole_does_not_hold_what_has_ended_by_its_age():
    rows = [{"event_hour_at": at(0), "event_type": "PushEvent", "verdict": "missing", "reason": "ended"}]
    assert with_feeds(rows, feed_stretches([span(-5, 40)]), "acme/rocket") == rows


def test_an_organisation_s_feed_stands_for_each_of_its_repositories():
    own_gap = [span(-5, 1), span(1.5, 40, gap="code"), span(-5, 40, name="acme/*")]
    assert set(verdicts(own_gap, "acme/rocket")) == {"whole"}
    assert set(verdicts(own_gap, "acme/unwatched")) == {"whole"}
    assert set(verdicts(own_gap, None)) == {"whole"}
    assert set(verdicts(own_gap, "other/rocket")) == {"no_file"}


def test_an_organisation_s_feed_says_nothing_of_a_repository_that_was_handed_over():
    polled = {
        "Acme/Rocket": FeedState(repository_name="moon/rocket"),
        "acme/moon": FeedState(repository_name="ACME/luna"),
        "acme/*": FeedState(),
    }
    moved = Feeds(polled).moved()
    assert moved == ["acme/rocket"]
    own_gap = [span(-5, 1), span(1.5, 40, gap="code"), span(-5, 40, name="acme/*")]
    feeds = replace(feed_stretches(own_gap), moved=frozenset(moved))
    found = by_feeds(feeds, ["acme/rocket"], [at(hour) for hour in range(12)])
    assert [hour for hour in range(12) if found[at(hour)] == "whole"] == [*range(2, 12)]


def test_an_organisation_s_feed_says_nothing_of_what_is_private():
    private = [span(-5, -0.5) | {"is_public": False}, span(-5, 40, name="acme/*") | {"is_public": True}]
    assert set(verdicts(private, "acme/rocket")) == {"no_file"}
    assert set(verdicts(private, None)) == {"some_feeds"}


def test_an_organisations_feed_proves_the_hours_of_its_public_repositories_alone():
    own = [span(0, 1), span(0, 1, name="acme/secret") | {"is_public": False}, span(-5, 30, name="acme/*")]
    found = feed_stretches(own).hours_of(["acme/rocket", "acme/secret", "ada/x"], at(0), at(3))
    assert found["repository_name"].to_pylist() == ["acme/rocket"]
    assert (found["first_hour_at"].to_pylist(), found["last_hour_at"].to_pylist()) == ([at(0)], [at(3)])


def sent(repository_id: int | None, name: str | None, event_type: str = "PushEvent") -> dict[str, Any]:
    row = {"repository_id": repository_id, "repository_name": name, "event_type": event_type}
    return row | {"created_at": at(0.5)}


@pytest.mark.parametrize(
    ("followed", "hidden", "counts"),
    [
        ([("acme/new", 1)], [], {"acme/new": 3}),
        # Of a feed of which no event was seen yet the id is not known.
        ([("acme/new", None)], [], {"acme/new": 1}),
        ([("acme/*", None)], [], {"acme/*": 4}),
        ([("acme/*", None)], [("acme/moon", 2)], {"acme/*": 3}),
        ([("acme/*", None), ("acme/moon", 2)], [], {"acme/*": 4, "acme/moon": 1}),
        ([("other/x", 9)], [], {}),
    ],
)
def test_events_are_of_the_feed_whose_repository_has_their_id(con, followed, hidden, counts):
    rows = [sent(1, "acme/Old"), sent(1, "acme/new"), sent(1, "acme/old", "ForkEvent"), sent(2, "acme/moon")]
    rows += [sent(None, None), sent(3, "acmes/new")]
    types = {"repository_id": pa.int64(), "created_at": UTC_TIMESTAMP}
    names = ("repository_id", "repository_name", "event_type", "created_at")
    schema = pa.schema([(name, types.get(name, pa.string())) for name in names])
    with session(con) as own:
        own.register("sent", pa.Table.from_pylist(rows, schema))
        given = [
            [{"feed_name": name, "repository_id": an_id} for name, an_id in some]
            for some in (followed, hidden)
        ]
        found: Counter[str] = Counter()
        for name, _, hour_at, count in feed_counts(own, *given).fetchall():
            assert hour_at == at(0)
            found[name] += count
    assert found == counts
