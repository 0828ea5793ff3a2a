"""The ledger against histories whose truth is known because it is recorded as they are acted out.

Every event is served once it has happened, so the ledger must tell the truth, however the syncs fall. What it
does when events are missing stands in test_ledger_rules.py.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitpulse_assets_tests.unit.silver.examples import few, many

HOUR = 3600
TRAIL_SECONDS = 2
CLOSED_EVENT = {
    "close": "Closed",
    "reason": "Closed",
    "reopen": "Reopened",
    "convert": "ConvertedToDiscussion",
}

Step = tuple[int, str, int]


@dataclass(frozen=True)
class Plan:
    """What is to happen to an issue: actions with the seconds before each, and how it enters and leaves."""

    created: int
    steps: tuple[Step, ...]
    arrives_after: int | None
    leaves_with: str | None
    is_leaving_told: bool
    comes_back: bool


PLANS = st.builds(
    Plan,
    created=st.integers(0, 5 * HOUR),
    steps=st.lists(
        st.tuples(
            st.sampled_from([4, 60, HOUR, 7 * HOUR]),
            st.sampled_from(["close", "close", "reopen", "reopen", "reason", "convert", "edit"]),
            st.integers(0, TRAIL_SECONDS),
        ),
        max_size=8,
    ).map(tuple),
    arrives_after=st.none() | st.none() | st.integers(0, 3),
    leaves_with=st.none() | st.none() | st.sampled_from(["deleted", "transferred_out", "unknown"]),
    is_leaving_told=st.booleans(),
    comes_back=st.booleans(),
)


@dataclass
class World:
    """One issue acted out along the runs: what each run is served, and the truth of its backlog."""

    number: int
    plan: Plan
    now: int = 0
    updated: int = 0
    closed: int | None = None
    entered: int = 0
    is_listed: bool = True
    events: list[tuple[int, str]] = field(default_factory=list)
    truth: list[tuple[str, int]] = field(default_factory=list)
    pending: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.updated = self.entered = self.plan.created
        self.pending = list(self.plan.steps)
        if self.plan.arrives_after is None:
            self.truth.append(("opened", self.now))
            return
        # What was converted elsewhere stays there.
        self.pending = [step for step in self.pending if step[1] != "convert"]
        for _ in range(min(self.plan.arrives_after, len(self.pending))):
            self.act(*self.pending.pop(0))
        self.entered = self.updated = self.now = self.now + 60
        self.events.append((self.now, "Transferred"))
        self.truth = [("transferred_in", self.now)] if self.closed is None else []

    def advance(self, until: int) -> None:
        """Act out what happens up to a run, while the issue is in the repository."""
        while self.is_listed and self.pending and self.now + self.pending[0][0] <= until:
            self.act(*self.pending.pop(0))

    def act(self, gap: int, kind: str, trail: int) -> None:
        self.now += gap
        if kind == "edit":
            self.updated = self.now
        elif kind == "reopen" and self.closed is not None:
            self.closed = None
            self.enter("reopened", self.now)
        # Only a closing repeats its event: a closed event after a conversion says it was open meanwhile.
        elif kind == "reason" and self.closed is not None and self.events[-1][1] == "Closed":
            self.tell("reason", self.now)
        elif kind in ("close", "convert") and self.closed is None:
            self.closed = self.now
            happened = self.now + (trail if kind == "close" else 0)
            self.tell(kind, happened)
            self.truth.append(("closed" if kind == "close" else "converted", happened))

    def enter(self, kind: str, when: int) -> None:
        self.truth.append((kind, when))
        self.tell("reopen", when)

    def tell(self, kind: str, when: int) -> None:
        self.updated = self.now
        self.events.append((when, CLOSED_EVENT[kind]))

    def depart(self, run: int) -> dict[str, Any]:
        """Leave one second after the run before; the run that notices says so."""
        self.is_listed = False
        left = self.now = run - HOUR + 1
        told = left if self.plan.is_leaving_told else None
        kind = "deleted" if self.plan.leaves_with == "unknown" else str(self.plan.leaves_with)
        if self.closed is None:
            self.truth.append((kind, run if told is None else told))
        return {"issue_id": 1000 + self.number, "kind": self.plan.leaves_with, "departed_at": told}

    def come_back(self, run: int) -> None:
        self.is_listed = True
        self.now = run
        if self.closed is None:
            self.truth.append(("returned", run))


def stamp(clock: Any, second: int | None) -> str | None:
    return None if second is None else clock(second / HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")


def served(world: World, run: int, issue: Any, timeline: Any, clock: Any) -> tuple[Any, Any]:
    """The record and the timeline a run receives."""
    record = issue(
        world.number,
        state="open" if world.closed is None else "closed",
        created_at=stamp(clock, world.plan.created),
        updated_at=stamp(clock, world.updated),
        closed_at=stamp(clock, world.closed),
    )
    events = [(kind, stamp(clock, when)) for when, kind in world.events if when <= run]
    return record, timeline(world.number, *events)


def act_out(lake: Any, worlds: list[World], runs: int, data: Any, make: tuple[Any, Any, Any]) -> None:
    """Sync hour by hour: what changed since the run before, and now and then everything."""
    last_seen: dict[int, int] = {}
    clock = make[2]
    for run in range(HOUR, (runs + 1) * HOUR, HOUR):
        is_full, is_merged = data.draw(st.booleans(), label="full"), data.draw(st.booleans(), label="merge")
        present = [world for world in worlds if world.entered <= run]
        departures = [move for world in present for move in move_in_or_out(world, run, is_full, last_seen)]
        for gone in departures:
            gone["departed_at"] = clock(gone["departed_at"] / HOUR) if gone["departed_at"] else None
        pairs = [pair for world in present for pair in listed(world, run, is_full, last_seen, make)]
        records, timelines = [record for record, _ in pairs], [events for _, events in pairs]
        lake.run(*records, at=clock(run / HOUR), timelines=timelines, departures=departures)
        if is_merged:
            lake.merge()
    lake.merge()


def move_in_or_out(world: World, run: int, is_full: bool, last_seen: dict[int, int]) -> list[dict[str, Any]]:
    """Let an issue leave once all is done, or come back; returns what the run notices."""
    is_done = not world.pending and world.number in last_seen and world.now < run - HOUR
    if not world.is_listed and world.plan.comes_back and is_full:
        world.come_back(run)
        del last_seen[world.number]
    elif world.is_listed and world.plan.leaves_with and is_done:
        return [world.depart(run)]
    return []


def listed(
    world: World, run: int, is_full: bool, last_seen: dict[int, int], make: tuple[Any, Any, Any]
) -> Any:
    world.advance(run)
    if world.is_listed and (is_full or last_seen.get(world.number) != world.updated):
        last_seen[world.number] = world.updated
        yield served(world, run, *make)


def tell_the_truth(new_lake, issue, timeline, clock, plans, data):
    lake = new_lake()
    worlds = [World(number, plan) for number, plan in enumerate(plans, start=1)]
    runs = data.draw(st.integers(1, 8), label="hourly runs")
    act_out(lake, worlds, runs, data, (issue, timeline, clock))
    ledgers = lake.ledgers()
    for world in worlds:
        if world.entered > runs * HOUR:
            continue
        truth = [(kind, stamp(clock, when)) for kind, when in world.truth]
        known = ledgers.get(world.number, [])
        assert [kind for kind, _ in known] == [kind for kind, _ in truth], world
        # An event that trails past the run that fetched the timeline is only known by its closed_at.
        for (_, at), (_, true_at) in zip(known, truth, strict=True):
            assert at == true_at or seconds_between(at, true_at) <= TRAIL_SECONDS, world
    assert lake.broken_rules() == []


def seconds_between(one: str, other: str | None) -> float:
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(str(other))).total_seconds())


LIKELY = given(plans=st.lists(PLANS, min_size=1, max_size=100), data=st.data())
test_the_ledger_tells_the_truth = few(2)(LIKELY(tell_the_truth))
test_the_ledger_tells_the_truth_at_length = many(LIKELY(tell_the_truth))
