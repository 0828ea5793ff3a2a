"""Generates a world of repositories whose true history is known: how often which move happens.

Seeded and deterministic, and the same whether the clock advances at once or in steps. What a move does is in
`moves` and `acts`; the acts write down the truth, and nothing here reads what is served.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, sqrt
from random import Random
from typing import Any

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.cast import Cast, make_labels
from gitpulse_assets.sandbox.moves import BULK_SECONDS_MAX, Moves
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import DEFAULT_CLOCK, World

YEAR_DAYS = 365.25
# Intake over the week, Monday first.
WEEKDAY_FACTOR = (1.15, 1.2, 1.2, 1.15, 1.05, 0.62, 0.63)
BUILD_UP_SHARE_OF_DAYS = 0.6
BUILD_UP_RATIO = 0.45
# Closings per issue that enters, once the backlog is built up.
FINAL_RATIO = {"growing": 0.7, "shrinking": 1.3}
OUTSIDE_NAME = "elsewhere/outside"
OUTSIDE_ID = 600_000_001


def generate(plans: Sequence[HistoryPlan], clock: str = DEFAULT_CLOCK) -> World:
    """Generate a world that holds one repository a plan, up to the clock (an ISO time).

    Issues are transferred between these repositories, a readable one outside, and unreadable ones.
    """
    world = World(clock)
    outside = world.add_repository(OUTSIDE_NAME, repository_id=OUTSIDE_ID)
    histories = [History(plan, world, outside) for plan in plans]
    for history in histories:
        history.moves.neighbours = [other.moves for other in histories if other is not history]
    world.run_until(world.clock)
    return world


class History:
    """One repository's future: each day schedules what happens on it, and the next day."""

    def __init__(self, plan: HistoryPlan, world: World, outside: Acts) -> None:
        self.plan, self.world = plan, world
        self.rng = Random(f"{plan.full_name}:{plan.seed}")
        self.daily_mean = plan.issue_count / plan.day_count
        self.start_at = (world.clock // DAY_SECONDS - plan.day_count) * DAY_SECONDS
        self.planned_openings = self._planned_openings()
        self.target_stock = 1.0
        self.moves = self._moves(outside)
        world.schedule(self.start_at, self._day)

    def _moves(self, outside: Acts) -> Moves:
        plan, number = self.plan, len(self.world.repositories)
        acts = self.world.add_repository(
            plan.full_name,
            repository_id=plan.repository_id,
            has_issues=plan.has_issues,
            former_names=list(plan.former_names),
            body_bytes_mean=plan.body_bytes_mean,
        )
        acts.repository.created_at = self.start_at
        first_label_id = plan.first_label_id or 6_000_000_001 + 1000 * number
        acts.repository.labels = make_labels(first_label_id, acts.repository.repository_id)
        cast = Cast(self.rng, max(60, plan.issue_count // 8), first_id=20_000_000 + 5_000_000 * number)
        return Moves(plan, self.world, acts, outside, cast, self.rng)

    def _planned_openings(self) -> list[int]:
        """Issues opened on each day of the plan, `issue_count` in all: weekly rhythm and noise."""
        first_day = self.start_at // DAY_SECONDS
        weights = [self._weight(first_day + offset) for offset in range(self.plan.day_count)]
        scale = self.plan.issue_count / sum(weights)
        totals = [round(total * scale) for total in accumulate(weights)]
        return [total - before for total, before in zip(totals, [0, *totals[:-1]], strict=True)]

    def _weight(self, day: int) -> float:
        # 1970-01-01 was a Thursday.
        return WEEKDAY_FACTOR[(day + 3) % 7] * exp(self.rng.gauss(0, 0.35))

    def _day(self, at: int, _: Any) -> None:
        offset = (at - self.start_at) // DAY_SECONDS
        opened = (
            self.planned_openings[offset]
            if offset < len(self.planned_openings)
            else self._poisson(self.daily_mean * WEEKDAY_FACTOR[(at // DAY_SECONDS + 3) % 7])
        )
        share = self.plan.pull_request_share_of_records
        self._spread(at, opened, self.moves.open)
        self._spread(at, self._poisson(opened * share / (1 - share)), self.moves.open_pull_request)
        self._spread(at, self._poisson(self._closings_mean(offset)), self.moves.close)
        self._schedule_oddities(at)
        self._schedule_bulk(at)
        if self.moves.people is not None:
            self.moves.people.plan_day(at)
        self.world.schedule(at + DAY_SECONDS, self._day)

    def _closings_mean(self, offset: int) -> float:
        plan = self.plan
        entering = self.daily_mean * (1 + plan.reopened_share + plan.transferred_in_share)
        if offset < plan.day_count * BUILD_UP_SHARE_OF_DAYS:
            self.target_stock = max(1.0, float(len(self.moves.stock)))
            return entering * BUILD_UP_RATIO
        if plan.tendency == "neither":
            return entering * min(3.0, (len(self.moves.stock) / self.target_stock) ** 2)
        return entering * FINAL_RATIO[plan.tendency]

    def _schedule_oddities(self, at: int) -> None:
        plan, moves, mean = self.plan, self.moves, self.daily_mean
        for per_day, move in (
            (plan.transferred_in_share * mean, moves.transfer_in),
            (plan.transferred_out_share * mean, moves.transfer_out),
            (plan.deleted_share * mean, moves.delete),
            (plan.converted_share * mean, moves.convert),
            (plan.hidden_share * mean, moves.hide),
            (plan.touches_per_issue * mean, moves.touch),
            (plan.label_renames_per_year / YEAR_DAYS, moves.rename_label),
            (plan.login_renames_per_year / YEAR_DAYS, moves.rename_login),
        ):
            self._spread(at, self._poisson(per_day), move)

    def _schedule_bulk(self, at: int) -> None:
        for per_year, move in (
            (self.plan.bulk_closings_per_year, self.moves.bulk_close),
            (self.plan.bulk_touches_per_year, self.moves.bulk_touch),
        ):
            if self.rng.random() < per_year / YEAR_DAYS:
                # A bulk closing takes a while and must not run past midnight: it is one day's.
                self.world.schedule(at + self.rng.randrange(DAY_SECONDS - BULK_SECONDS_MAX), move)

    def _spread(self, day_start: int, count: int, move: Any) -> None:
        for _ in range(count):
            self.world.schedule(day_start + self.rng.randrange(DAY_SECONDS), move)

    def _poisson(self, mean: float) -> int:
        if mean > 40:
            return max(0, round(self.rng.gauss(mean, sqrt(mean))))
        count, product, floor = 0, self.rng.random(), exp(-mean)
        while product > floor:
            count += 1
            product *= self.rng.random()
        return count
