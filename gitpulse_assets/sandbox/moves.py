"""Who does what to which issue in a generated repository, when its turn comes.

Each move draws an issue and an actor, acts through `acts`, and schedules what follows from it. How often a
move happens is decided by `history`.
"""

from random import Random
from typing import Any

from gitpulse_assets.sandbox.acts import Acts, event_lag
from gitpulse_assets.sandbox.cast import Cast
from gitpulse_assets.sandbox.model import GHOST, Issue, User
from gitpulse_assets.sandbox.people import People
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.stock import Stock
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World

RECENT_SHARE_OF_CLOSINGS = 0.6
RECENT_MEAN_RANK = 12.0
BULK_CLOSINGS_PER_SECOND = 4
BULK_SECONDS_MAX = 3600
BULK_TOUCH_COUNT = 20


class Moves:
    """The moves of one repository; each takes the moment (Unix seconds) and an argument or None."""

    def __init__(
        self, plan: HistoryPlan, world: World, acts: Acts, outside: Acts, cast: Cast, rng: Random
    ) -> None:
        self.plan, self.world, self.acts, self.outside = plan, world, acts, outside
        self.cast, self.rng = cast, rng
        self.stock = Stock(rng)
        self.neighbours: list[Moves] = []
        # Who speaks decides nothing else, so that a history with and without words is the same.
        self.voices = Random(f"{plan.full_name}:{plan.seed}:voices")
        self.people = People(plan, world, acts, outside, cast) if plan.has_people else None

    def open(self, at: int, _: Any) -> None:
        """Open an issue."""
        labels = self.rng.sample(self.acts.repository.labels, self.rng.choice((0, 1, 1, 2)))
        issue = self.acts.open(at, self._author(), self.cast.title(), labels=labels)
        self.stock.add(issue)
        if self.rng.random() < self.plan.closed_before_created_share:
            # Around the hour that the audit tolerates.
            self._close_issue(issue, at - 60 * self.rng.choice((1, 59, 60, 61, 600)))

    def open_pull_request(self, at: int, _: Any) -> None:
        """Open a pull request, which most often is merged or closed later."""
        issue = self.acts.open(at, self._author(), self.cast.title(), is_pull_request=True)
        issue.is_draft = self.rng.random() < 0.1
        if self.people is not None:
            self.people.take_up(issue)
            return
        if self.rng.random() < 0.93:
            self.world.schedule(at + self._delay_seconds(1.5), self._finish_pull_request, issue)

    def close(self, at: int, _: Any) -> None:
        """Close an open issue, rather one of the recent ones."""
        issue = self.stock.pick(RECENT_SHARE_OF_CLOSINGS, RECENT_MEAN_RANK)
        if issue is not None and issue.updated_at < at:
            self._close_issue(issue, at)

    def bulk_close(self, at: int, _: Any) -> None:
        """Have the stale bot close the oldest issues within minutes, several in a second."""
        count = int(len(self.stock) * self.plan.bulk_share_of_backlog)
        for index, issue in enumerate(self.stock.oldest(min(count, BULK_SECONDS_MAX))):
            self.world.schedule(at + index // BULK_CLOSINGS_PER_SECOND, self._bulk_close_one, issue)

    def bulk_touch(self, at: int, _: Any) -> None:
        """Relabel several issues within one second, so that their updated_at ties."""
        for _index in range(BULK_TOUCH_COUNT):
            issue = self.stock.pick(0.2, 40.0)
            if issue is not None and issue.updated_at <= at:
                self.acts.label(issue, at, self.cast.triage_bot, self.rng.choice(self.acts.repository.labels))

    def touch(self, at: int, _: Any) -> None:
        """Comment, label, assign or retitle."""
        issue = self._present_issue(at)
        if issue is None:
            return
        draw = self.rng.random()
        if draw < 0.7:
            self.acts.comment(issue, at, self.voices.choice(self.cast.people))
        elif draw < 0.85:
            self.acts.label(issue, at, self._actor(), self.rng.choice(self.acts.repository.labels))
        elif draw < 0.95:
            self._assign(issue, at)
        else:
            self.acts.retitle(issue, at, self._actor(), self.cast.title())

    def transfer_in(self, at: int, _: Any) -> None:
        """Bring in an issue that lived elsewhere before, open or closed there; some are closed at once."""
        created_at = at - self._delay_seconds(40.0)
        origin = self.outside.open(created_at, self._author(), self.cast.title())
        if self.people is not None:
            self.people.at_old_home(origin, created_at, created_at + (at - created_at) // 3)
        if self.rng.random() < 0.5:
            self.outside.close(origin, created_at + (at - created_at) // 3, self._actor())
            if self.rng.random() < 0.4:
                self.outside.reopen(origin, created_at + (at - created_at) // 2, self._actor())
        moved = self.outside.transfer(origin, at, self.cast.member(), self.acts)
        self.take_in(moved)
        if self.people is not None and moved is not None:
            self.people.at_arrival(moved, at)
        share = self.plan.closed_on_arrival_share_of_transfers
        if share and moved is not None and moved.state == "open" and self.rng.random() < share:
            self._close_issue(moved, at)

    def take_in(self, issue: Issue | None) -> None:
        """Count an issue that was transferred in among those that can be drawn."""
        if issue is not None and issue.state == "open":
            self.stock.add(issue)
        elif issue is not None:
            self._schedule_aftermath(issue, issue.updated_at)

    def transfer_out(self, at: int, _: Any) -> None:
        """Transfer an issue to a repository of this world, outside, or out of sight."""
        issue = self._departing_issue(at)
        if issue is None:
            return
        if self.rng.random() < self.plan.unreadable_share_of_transfers:
            self.acts.transfer(issue, at, self.cast.member(), None)
            return
        neighbour = self.rng.choice([*self.neighbours, None])
        target = neighbour.acts if neighbour else self.outside
        moved = self.acts.transfer(issue, at, self.cast.member(), target)
        if neighbour is not None:
            neighbour.take_in(moved)

    def delete(self, at: int, _: Any) -> None:
        """Delete an issue."""
        issue = self._departing_issue(at)
        if issue is not None:
            self.acts.delete(issue, at)

    def hide(self, at: int, _: Any) -> None:
        """Make an issue vanish with its suspended author, who may come back."""
        issue = self._departing_issue(at)
        if issue is None:
            return
        self.acts.hide(issue, at)
        if self.rng.random() < self.plan.returning_share_of_hidden:
            self.world.schedule(at + self._delay_seconds(20.0), self._restore, issue)

    def convert(self, at: int, _: Any) -> None:
        """Convert an open issue to a discussion; some conversions leave it open."""
        issue = self.stock.pick(0.5, RECENT_MEAN_RANK)
        if issue is None or issue.updated_at >= at:
            return
        closes = self.rng.random() >= self.plan.kept_open_share_of_conversions
        if closes:
            self.stock.remove(issue)
        self.acts.convert(issue, at, self.cast.member(), closes=closes)

    def rename_label(self, _at: int, _: Any) -> None:
        """Rename a label."""
        label = self.rng.choice(self.acts.repository.labels)
        self.acts.rename_label(label, f"{label.name.split(' / ')[0]} / {self.rng.randrange(1000)}")

    def rename_login(self, _at: int, _: Any) -> None:
        """Rename an account."""
        user = self.cast.anyone()
        user.login = f"{user.login.split('-x')[0]}-x{self.rng.randrange(1000)}"
        for acts in self.world.acts.values():
            acts.forget_rendered()

    def _author(self) -> User:
        return self._someone(self.cast.anyone) or GHOST

    def _actor(self) -> User | None:
        return self._someone(self.cast.member)

    def _someone(self, draw_person: Any) -> User | None:
        """A person, a bot, or None for an account that is deleted by now."""
        draw = self.rng.random()
        if draw < self.plan.ghost_share:
            return None
        is_bot = draw < self.plan.ghost_share + self.plan.bot_share
        return self.cast.triage_bot if is_bot else draw_person()

    def _finish_pull_request(self, at: int, issue: Issue) -> None:
        finish = self.acts.merge if self.rng.random() < 0.8 else self.acts.close_pull_request
        finish(issue, at, self.cast.member())

    def _close_issue(self, issue: Issue, at: int) -> None:
        plan, rng = self.plan, self.rng
        is_late = rng.random() < plan.late_event_share_of_closings and issue.updated_at < at - 2
        lag = rng.choice((1, 2)) if is_late else 0
        lag = event_lag(at - lag, lag)
        self.stock.remove(issue)
        self.acts.close(issue, at - lag, self._actor(), self._reason(), event_lag_seconds=lag)
        issue.hides_closed_at = rng.random() < plan.closed_at_null_share_of_closings
        self._schedule_aftermath(issue, max(at, issue.created_at))

    def _reason(self) -> str:
        draw = self.rng.random()
        if draw < 0.02:
            return "duplicate"
        return "not_planned" if draw < 0.02 + self.plan.not_planned_share_of_closings else "completed"

    def _bulk_close_one(self, at: int, issue: Issue) -> None:
        if issue.state == "open" and issue.departure is None:
            self.stock.remove(issue)
            self.acts.close(issue, at, self.cast.stale_bot, "not_planned", is_bulk=True)
            self._schedule_aftermath(issue, at)

    def _schedule_aftermath(self, issue: Issue, at: int) -> None:
        if self.rng.random() < self.plan.reopened_share:
            self.world.schedule(at + self._delay_seconds(2.0), self._reopen, issue)
        if self.rng.random() < self.plan.closed_again_share:
            self.world.schedule(at + self._delay_seconds(0.5), self._close_again, issue)

    def _reopen(self, at: int, issue: Issue) -> None:
        if _is_closed_here(issue):
            self.acts.reopen(issue, at, self._actor())
            issue.hides_closed_at = False
            self.stock.add(issue)

    def _close_again(self, at: int, issue: Issue) -> None:
        if _is_closed_here(issue):
            reason = "completed" if issue.state_reason == "not_planned" else "not_planned"
            self.acts.close_again(issue, at, self._actor(), reason)

    def _restore(self, at: int, issue: Issue) -> None:
        self.acts.restore(issue, at)
        if issue.state == "open":
            self.stock.add(issue)

    def _assign(self, issue: Issue, at: int) -> None:
        assignee = self.cast.member()
        if assignee not in issue.assignees:
            self.acts.assign(issue, at, self._actor(), assignee)

    def _present_issue(self, at: int) -> Issue | None:
        """An open issue, or now and then one that was closed lately."""
        issue = self.stock.pick(0.3, 40.0) if self.rng.random() < 0.75 else self.stock.pick_left()
        return None if issue is None or issue.departure or issue.updated_at >= at else issue

    def _departing_issue(self, at: int) -> Issue | None:
        issue = self._present_issue(at)
        if issue is not None:
            self.stock.remove(issue)
        return issue

    def _delay_seconds(self, median_days: float) -> int:
        return 600 + int(median_days * DAY_SECONDS * self.rng.lognormvariate(0, 1.2))


def _is_closed_here(issue: Issue) -> bool:
    # A converted issue is locked and stays closed.
    return issue.state == "closed" and issue.departure is None and not issue.locked
