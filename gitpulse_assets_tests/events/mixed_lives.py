"""Public events that come by polls and by archives together, made up for tests, and what really happened.

Of four repositories of two owners there are the hour files of two archives, in which hours are thin, late,
torn, shifted or missing, copies lie in several files, and of which all is kept or some. One's feed is polled
now and then, in some lives its owner's and the firehose, too; repositories are renamed, change their owner,
or lose their name to another one.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.github.target import Firehose, Owner, Target
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.feeds import PublicFeed
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets.watch.state import Member, Membership, membership
from gitpulse_assets_tests.events.feed_lives import REPO, FeedLife, polled
from gitpulse_assets_tests.events.hours import Key, event, key_of, packed

HOUR = timedelta(hours=1)
# Mondays: while closings did not tell of merges, and since they do (fact 20).
BEGINS = (datetime(2025, 11, 3, 19, tzinfo=UTC), datetime(2026, 3, 2, 19, tzinfo=UTC))
DAYS, HOURS_OF_A_DAY = 2, 5
HOUR_COUNT = DAYS * HOURS_OF_A_DAY
USUAL = {"PushEvent": 40, "WatchEvent": 30, "PullRequestEvent": 30}
VARIES_BY = 4
ARCHIVES = ("one", "two")
PEOPLE = (User(5, "ada"), User(6, "grace"), User(7, "dependabot[bot]", "Bot"), User(8, "Copilot", "Bot"))
ACTIONS = ("opened", "opened", "opened", "closed", "merged", "reopened", "labeled")
# What an archive's file of an hour is: whole, a fifth of it, torn, there later, or not there.
STATES = (("whole", 70), ("thin", 8), ("torn", 6), ("late", 8), ("missing", 8))
THIN_SHARE = 0.2
ACME, FIREHOSE = Owner("acme"), Firehose()
OTHERS = ("acme/other0", "acme/other1", "moon/other2")
# Who is called otherwise from some hour on; of the last the name is another repository's then.
TURNS = {
    "renamed": (str(REPO), "acme/booster"),
    "handed over": (str(REPO), "moon/rocket"),
    "other renamed": ("acme/other0", "acme/planet"),
    "left": ("acme/other1", "moon/other1"),
    "came": ("moon/other2", "acme/other2"),
    "taken": (str(REPO), "acme/booster"),
}
WATCHED = "acme/other0"
# What is kept of an archive: repositories, types, and the setting that says so.
FILTERS = (
    "repositories=acme/rocket,moon/other2",
    "repositories=acme/*",
    "repositories=watched",
    "types=PushEvent,WatchEvent",
    "repositories=acme/other0 types=PullRequestEvent",
    "",
)
LATE_SECONDS = 3300
# More than a feed holds.
BURST = 330

Event = dict[str, Any]
Place = tuple[str, datetime]


@dataclass
class MixedLife:
    """What happens, who polls, what archives bring; `seed` decides everything."""

    seed: int
    root: Path
    every: dict[Key, Event] = field(default_factory=dict)
    files: dict[Place, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.begin_at = self.rng.choice(BEGINS)
        self.world = World((self.begin_at - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.life = FeedLife(self.seed, is_by_position=self.chance(0.1), world=self.world)
        for name in OTHERS:
            self.world.add_repository(name)
        self.subjects: list[Target] = [REPO]
        self.subjects += [ACME] if self.chance(0.5) else []
        self.subjects += [FIREHOSE] if self.chance(0.4) else []
        self.turn = self.rng.choice(list(TURNS)) if self.chance(0.6) else None
        self.turn_at, self.successor = self.begin_at, self.life.feed
        self.turn_number, self.burst_number = self.rng.randrange(2, 9), self.rng.randrange(1, HOUR_COUNT)
        self.has_burst, self.has_hidden, self.is_shifted = (
            self.chance(0.2),
            self.chance(0.2),
            self.chance(0.2),
        )
        self.filters = {name: self.chosen_filters() for name in ARCHIVES}
        self.used: dict[str, list[str]] = {name: [] for name in ARCHIVES}
        self.may_be_late, self.late = False, list[tuple[int, int, str, PublicFeed]]()
        self.state: dict[Place, str] = {}
        self.served: dict[Key, tuple[PublicFeed, str, datetime]] = {}
        self.shown, self.brought = set[int](), set[int]()
        for name in ARCHIVES:
            (self.root / name).mkdir(parents=True)

    def chance(self, share: float) -> bool:
        """Whether something is so that is in this share of lives, or times."""
        return self.rng.random() < share

    def chosen_filters(self) -> list[str]:
        """What is kept of an archive: all, or now this and now that."""
        return self.rng.sample(FILTERS, self.rng.choice([1, 1, 2])) if self.chance(0.3) else [""]

    @property
    def is_filtered(self) -> bool:
        """Whether not all is kept of some archive."""
        return any(filters != [""] for filters in self.filters.values())

    def kinds(self) -> list[str]:
        """What there is in this life beside a feed and two archives."""
        kinds = {
            "organisation": ACME in self.subjects,
            "firehose": FIREHOSE in self.subjects,
            str(self.turn): self.turn is not None,
            "by position": self.life.is_by_position,
            "short pages": self.has_hidden,
            "burst": self.has_burst,
            "shifted files": self.is_shifted,
            "filters": self.is_filtered,
        }
        return [kind for kind, is_there in kinds.items() if is_there]

    def hours(self) -> Iterator[datetime]:
        """Each hour in which something happens, after it has been published."""
        for number in range(HOUR_COUNT):
            day, hour = divmod(number, HOURS_OF_A_DAY)
            at = self.begin_at + day * 24 * HOUR + hour * HOUR
            if self.turn and number == self.turn_number:
                self.turned(at)
            # What is late is there before somebody's name changes, or the day ends.
            self.may_be_late = hour < HOURS_OF_A_DAY - 1 and number + 1 != self.turn_number
            self.publish(at, self.has_burst and number == self.burst_number)
            yield at

    def turned(self, hour_at: datetime) -> None:
        """A repository is called otherwise from now on, and perhaps polled by that name, too."""
        assert self.turn
        former, name = TURNS[self.turn]
        self.turn_at = min(hour_at, self.life.now)
        self.world.rename_repository(former, name)
        if self.turn == "taken":
            self.successor = self.world.feeds[self.world.add_repository(former).repository.repository_id]
        elif former == str(REPO) and self.chance(0.5):
            self.subjects.append(Repo.parse(name))

    def names(self) -> list[str]:
        """Every name that a repository has or had."""
        return sorted({str(REPO), *OTHERS, *(TURNS[self.turn] if self.turn else ())})

    def publish(self, hour_at: datetime, is_burst: bool) -> None:
        """The events of an hour, in the order in which they show; what shows later comes with the next's."""
        begin, now_and_then = int(hour_at.timestamp()), self.chance(0.1)
        planned = self.late + [
            (begin + self.rng.randrange(3600), self.delay(kind), kind, self.chosen_feed())
            for kind, usual in USUAL.items()
            for _ in range(
                self.rng.randint(usual - VARIES_BY, usual + VARIES_BY) * (4 if now_and_then else 1)
            )
        ]
        if is_burst:
            at = begin + self.rng.randrange(2000)
            planned += [(at + 4 * number, 0, "PushEvent", self.life.feed) for number in range(BURST)]
        planned.sort(key=lambda one: one[0] + one[1])
        self.late = []
        for at, delay, kind, feed in planned:
            if delay == LATE_SECONDS and at + delay >= begin + 3600:
                self.late.append((at, delay, kind, feed))
            else:
                self.publish_one(at, delay, kind, feed)

    def delay(self, kind: str) -> int:
        """How many seconds later an event shows; a star that is counted does not wait for an hour."""
        if self.may_be_late and kind != "WatchEvent" and self.chance(0.04):
            return LATE_SECONDS
        return self.rng.choice([0, 0, 0, 20, 300])

    def chosen_feed(self) -> PublicFeed:
        """Whose event it is."""
        others = [feed for feed in self.world.feeds.values() if feed is not self.life.feed]
        return self.life.feed if self.chance(0.3) else self.rng.choice(others)

    def publish_one(self, at: int, delay: int, kind: str, feed: PublicFeed) -> None:
        """One event; now and then of no repository (fact 28), or with a date of four days ago (fact 26)."""
        shown_at = at + delay
        # A star is given when it is given.
        if kind != "WatchEvent" and self.chance(0.015):
            at -= 4 * 86_400
        payload, person = self.payload(kind), self.rng.choice(PEOPLE)
        name = feed.repository.full_name
        published = feed.publish(
            kind,
            at,
            payload,
            actor=person,
            delay_seconds=shown_at - at,
            is_nameless=kind != "WatchEvent" and self.chance(0.02),
        )
        sent = json.loads(published.body)
        if self.has_hidden and self.chance(0.1):
            # It takes a row, and nobody is shown it.
            feed.publish("IssuesEvent", shown_at, is_hidden=True)
        self.every[key_of(sent)] = sent
        self.served[key_of(sent)] = feed, name, datetime.fromtimestamp(shown_at, UTC)
        self.file(sent, datetime.fromtimestamp(shown_at, UTC))

    def payload(self, kind: str) -> Event:
        """A stub, or the older shape, which tells of merges."""
        if kind != "PullRequestEvent":
            return {"action": "started"} if kind == "WatchEvent" else {"ref": "refs/heads/main"}
        number, action = self.rng.randrange(1, 30), self.rng.choice(ACTIONS)
        told: Event = {"id": 9_000 + number, "number": number, "url": "u"}
        if action == "closed" and self.chance(0.4):
            told |= {"merged": self.chance(0.5), "state": "closed"}
        return {"action": action, "number": number, "pull_request": told}

    def file(self, sent: Event, shown_at: datetime) -> None:
        """Into the files of the hour it shows in, now and then a copy into the next; one archive is poor."""
        for name in ARCHIVES if self.chance(THIN_SHARE) else ARCHIVES[:1]:
            hour_at = hour_of(shown_at + self.shift(name))
            self.files[name, hour_at].append(sent)
            if self.chance(0.05):
                self.files[name, hour_at + HOUR].append(
                    sent | {"payload": sent["payload"] | {"pad": "x" * 9}}
                )
        if self.chance(0.01):
            # The same id years before (fact 27).
            copy = event(int(sent["id"]), shown_at.replace(year=2021), sent["type"], payload=sent["payload"])
            self.every[key_of(copy)] = copy
            self.files[ARCHIVES[0], hour_of(shown_at)].append(copy)

    def shift(self, name: str) -> timedelta:
        """How much later than it shows an archive has an event: its files hold some of earlier hours."""
        return timedelta(minutes=35) if self.is_shifted and name == ARCHIVES[0] else timedelta()

    def deliver(self, until: datetime, *, is_last: bool = False) -> None:
        """Write the files of the hours that are over into the archives' folders."""
        for (name, hour_at), events in self.files.items():
            if hour_at + HOUR <= until:
                path = self.root / name / file_name(hour_at)
                state = self.state.setdefault((name, hour_at), self.chosen_state())
                if is_last and (state == "late" or (state == "torn" and self.chance(0.5))):
                    state = self.state[name, hour_at] = "whole"
                    path.unlink(missing_ok=True)
                self.write(path, state, events)

    def chosen_state(self) -> str:
        """What becomes of a file."""
        return self.rng.choices([name for name, _ in STATES], [weight for _, weight in STATES])[0]

    def write(self, path: Path, state: str, events: list[Event]) -> None:
        """Write a file once, as its state says."""
        if path.exists() or state in ("late", "missing"):
            return
        kept = events
        if state == "thin":
            kept = events[:] = [one for one in events if self.chance(THIN_SHARE)]
        content = packed(kept)
        torn = self.rng.choice([content[:-6], b"", b"<html>try later</html>"]) if state == "torn" else content
        path.write_bytes(torn)

    def backfill(self, lake: Lake, con: duckdb.DuckDBPyConnection, now: datetime | None = None) -> None:
        """Bring the days of the archives, as a process of its own."""
        chosen = [one for one in projections() if one.event_type in ("PullRequestEvent", "WatchEvent")]
        first = self.begin_at.date()
        with Fetcher() as fetcher:
            backfill = Backfill(lake, con, fetcher, chosen, lambda: now or self.life.now)
            backfill.days(parse_archives(self.archives()), first, first + timedelta(days=DAYS))

    def archives(self) -> str:
        """What GITPULSE_ARCHIVES says now."""
        for name in ARCHIVES:
            self.used[name].append(self.rng.choice(self.filters[name]))
        return "; ".join(f"{name}={self.root / name} {self.used[name][-1]}" for name in ARCHIVES)

    def watch(self, lake: Lake) -> None:
        """Have a repository on the watch list, by its first name."""
        repository = self.world.repository(WATCHED)
        assert repository
        member = Member(WATCHED, "the test", self.begin_at, repository.repository_id)
        membership(lake.store).save(Membership(members={WATCHED: member}))

    def poll(self, lake: Lake, con: duckdb.DuckDBPyConnection, subjects: list[Target]) -> None:
        """Poll feeds once, and note what the firehose showed: to a poll that died, perhaps for nothing."""
        self.world.firehose_shown.clear()
        try:
            polled(lake, con, self.life, subjects)
            self.brought |= self.world.firehose_shown
        finally:
            self.shown |= self.world.firehose_shown

    def feeds(self) -> list[Target]:
        """The feeds that are polled and prove something."""
        return [one for one in self.subjects if one != FIREHOSE]

    def shown_in(self, subject: Target) -> dict[Key, datetime]:
        """Every event that a feed served at any time until now, and since when."""
        return {
            key: at
            for key, (feed, name, at) in self.served.items()
            if at <= self.life.now and self.is_in(subject, feed, name, at)
        }

    def is_in(self, subject: Target, feed: PublicFeed, name: str, at: datetime) -> bool:
        """Whether a feed is where an event shows that happened under a name."""
        if isinstance(subject, Owner):
            return name.startswith(f"{subject.owner}/")
        is_later = subject == REPO and at >= self.turn_at
        return feed is (self.successor if is_later else self.life.feed)

    def filed(self, *, is_wanted: bool) -> set[Key]:
        """The events of files that are kept: those that have to be, or all that anybody ever asked for."""
        return {
            key_of(one)
            for place, events in self.files.items()
            if self.is_readable(place)
            for one in events
            if self.is_kept(place[0], one, is_wanted=is_wanted)
        }

    def is_kept(self, archive: str, one: Event, *, is_wanted: bool) -> bool:
        """Whether an event of an archive has to be there by the setting that was last, or may be by any."""
        used = self.used[archive][-1:] if is_wanted else self.used[archive]
        options = [dict(part.split("=") for part in text.split()) for text in used]
        types = [option["types"].split(",") for option in options if "types" in option]
        names = [option["repositories"].split(",") for option in options if "repositories" in option]
        is_of_type = len(types) < len(options) or any(one["type"] in some for some in types)
        is_of_names = any(self.is_named(one, name, is_sure=is_wanted) for some in names for name in some)
        return is_of_type and (len(names) < len(options) or is_of_names)

    def is_named(self, one: Event, name: str, *, is_sure: bool) -> bool:
        """Whether a filter's name is an event's; by the repository's id it surely is if that is watched."""
        sent = one["repo"].get("name", "")
        if name.endswith("/*"):
            return sent.startswith(name[:-1])
        known = WATCHED if name == "watched" else name
        is_by_id = one["repo"].get("id") in self.ids_of(known)
        return sent == known or (is_by_id and (name == "watched" or not is_sure))

    def ids_of(self, name: str) -> set[int]:
        """The repositories that a name ever led to."""
        every = self.world.repositories.values()
        return {one.repository_id for one in every if name in (one.full_name, *one.former_names)}

    def readable(self, archive: str, hour_at: datetime) -> dict[Key, Event]:
        """The events of an hour that are in the files of an archive that can be read."""
        return {
            key_of(one): one
            for place, events in self.files.items()
            if place[0] == archive and self.is_readable(place)
            for one in events
            if hour_of(datetime.fromisoformat(one["created_at"])) == hour_at
        }

    def is_readable(self, place: Place) -> bool:
        """Whether the archive has the file of an hour, and it can be read."""
        return self.state.get(place) in ("whole", "thin")

    def is_as_it_should_be(self, hour_at: datetime) -> bool:
        """Whether the richer archive has all of an hour's events that are not late."""
        begin = hour_at + self.shift(ARCHIVES[0])
        hours = {hour_of(begin), hour_of(begin + HOUR / 2)}
        return all(self.state.get((ARCHIVES[0], hour)) == "whole" for hour in hours)


def hour_of(at: datetime) -> datetime:
    """The hour a moment is in."""
    return at.replace(minute=0, second=0, microsecond=0)
