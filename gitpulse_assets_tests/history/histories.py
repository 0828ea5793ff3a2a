"""Generated histories, each made and synced in a way that its seed decides.

A history has at least 200 issues in at least 180 days and every oddity far more often than a real repository.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS, iso
from gitpulse_assets.sandbox.world import World

Mode = Literal["full", "increments", "incremental", "events", "pair"]
MODES: dict[Mode, str] = {
    "full": "one sync at the end",
    "increments": "2 to 8 syncs, the last one a full one",
    "incremental": "2 to 8 syncs, none of them asked to be full but the first",
    "events": "as increments, without a token and with REST issue events",
    "pair": "as increments, two repositories with transfers between them synced together into one lake",
}

FULL_NAME = "Octo-Org/Hello"
NEIGHBOUR = "octo-org/neighbour"
ISSUE_COUNT_MIN = 200
DAY_COUNT_MIN = 180
FIRST_CLOCK = 1_704_067_200
TENDENCIES = ("growing", "shrinking", "neither")


@dataclass(frozen=True)
class Script:
    """A world at its first sync, the seconds before each further sync, and the repositories synced."""

    world: World
    gaps_seconds: tuple[int, ...]
    full_names: tuple[str, ...] = (FULL_NAME,)


def script(seed: int, mode: Mode) -> Script:
    """Make the history of a seed, to be synced as its mode says."""
    rng = Random(f"{mode}:{seed}")
    day_count = rng.randint(DAY_COUNT_MIN + 5, 250)
    per_day = rng.uniform(1.2, 1.8)
    clock = FIRST_CLOCK + rng.randrange(3 * 365 * DAY_SECONDS)
    if mode == "full":
        return Script(_world(rng, seed, day_count, per_day, clock), ())
    if mode == "pair":
        first_day_count = max(3, round(day_count * rng.uniform(0.02, 0.9)))
        gaps = _gaps(rng, (day_count - first_day_count) * DAY_SECONDS, clock)
        world = _pair(rng, seed, first_day_count, per_day, clock)
        return Script(world, gaps, (FULL_NAME, NEIGHBOUR))
    first_day_count = max(3, round(day_count * rng.uniform(0.02, 0.9)))
    gaps = _gaps(rng, (day_count - first_day_count) * DAY_SECONDS, clock)
    return Script(_world(rng, seed, first_day_count, per_day, clock), gaps)


def _gaps(rng: Random, left_seconds: int, clock: int) -> tuple[int, ...]:
    """One to seven pauses that add up to what is left: days, hours, seconds, none, or up to a midnight."""
    gaps: list[int] = []
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 2, 3, 4, 6))):
        now = clock + sum(gaps)
        short = (0, 1, rng.randint(2, 900), rng.randint(900, DAY_SECONDS), -now % DAY_SECONDS)
        longest = max(1, left_seconds // 3)
        gaps.append(rng.choice((*short, rng.randint(1, longest), rng.randint(1, longest))))
    return (*gaps, max(1, left_seconds - sum(gaps)))


def _world(rng: Random, seed: int, day_count: int, per_day: float, clock: int) -> World:
    plans = [_plan(rng, FULL_NAME, seed, day_count, per_day)]
    if rng.random() < 0.4:
        plans.append(_plan(rng, NEIGHBOUR, seed, day_count, per_day / 4))
    return generate(plans, iso(clock))


def _pair(rng: Random, seed: int, day_count: int, per_day: float, clock: int) -> World:
    """Two repositories of one size, between which issues move to and fro."""
    plans = [_plan(rng, name, seed, day_count, per_day) for name in (FULL_NAME, NEIGHBOUR)]
    return generate(
        [replace(plan, transferred_out_share=rng.uniform(0.04, 0.1)) for plan in plans], iso(clock)
    )


def _plan(rng: Random, full_name: str, seed: int, day_count: int, per_day: float) -> HistoryPlan:
    return HistoryPlan(
        full_name,
        seed=seed,
        issue_count=max(1, round(per_day * day_count)),
        day_count=day_count,
        tendency=rng.choice(TENDENCIES),
        pull_request_share_of_records=rng.uniform(0.0, 0.2),
        body_bytes_mean=10,
        reopened_share=rng.uniform(0.05, 0.4),
        closed_again_share=rng.uniform(0.02, 0.2),
        transferred_in_share=rng.uniform(0.01, 0.08),
        transferred_out_share=rng.uniform(0.01, 0.06),
        unreadable_share_of_transfers=rng.uniform(0.0, 0.6),
        deleted_share=rng.uniform(0.01, 0.06),
        converted_share=rng.uniform(0.01, 0.06),
        kept_open_share_of_conversions=rng.uniform(0.0, 0.5),
        hidden_share=rng.uniform(0.0, 0.04),
        returning_share_of_hidden=rng.uniform(0.5, 1.0),
        late_event_share_of_closings=rng.uniform(0.1, 0.5),
        bulk_closings_per_year=rng.uniform(0, 6),
        bulk_touches_per_year=rng.uniform(6, 40),
        touches_per_issue=rng.uniform(0.5, 2.0),
        closed_before_created_share=rng.choice((0.0, 0.03)),
        closed_at_null_share_of_closings=rng.choice((0.0, 0.05)),
        closed_on_arrival_share_of_transfers=rng.uniform(0.0, 0.5),
    )
