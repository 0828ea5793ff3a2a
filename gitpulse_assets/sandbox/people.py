"""What people do in a generated repository with `has_people`: they review, draft, ask and edit.

Each move draws a thread and somebody to act on it. Its random numbers are its own, so that who says what
changes nothing of the backlog's history.
"""

from dataclasses import replace
from random import Random
from typing import Any

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.cast import MEMBER_COUNT, Cast
from gitpulse_assets.sandbox.model import Issue, IssueComment, PullRequestReview, Team, User, node_id
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World

STATES = ("COMMENTED", "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "APPROVED")
REACTIONS = ("+1", "-1", "heart", "eyes", "rocket")
# Moves a day for each pull request that is open.
MOVES_A_DAY = 0.35
MEMBER_MOVES_A_DAY = 0.1
REGRETS_A_DAY = 0.3
# So far the ids of the labels elsewhere lie from those here.
OUTSIDE_LABELS = 1_000_000


class People:
    """The words and reviews of one repository; each move takes the moment (Unix seconds) and an argument."""

    def __init__(self, plan: HistoryPlan, world: World, acts: Acts, outside: Acts, cast: Cast) -> None:
        self.world, self.acts, self.outside, self.cast = world, acts, outside, cast
        self.rng = Random(f"{plan.full_name}:{plan.seed}:people")
        first_id = self.cast.people[-1].user_id + 13
        self.others = strangers(first_id)
        self.team = Team(first_id + 99, "core")
        # One by which an answer of the author is waited for; it is not among those that are deleted.
        self.waiting = acts.repository.labels[-1]
        self.waiting.name = "waiting for its author"
        self.regret_rng = Random(f"{plan.full_name}:{plan.seed}:regrets")
        self.old_home_rng = Random(f"{plan.full_name}:{plan.seed}:old home")
        # What is carried along by a transfer are the labels of a name that both homes have.
        outside.repository.labels = outside.repository.labels or [
            replace(label, label_id=label.label_id + OUTSIDE_LABELS) for label in acts.repository.labels
        ]
        self.organization = world.organization(plan.full_name.partition("/")[0])
        self.membership_rng = Random(f"{plan.full_name}:{plan.seed}:members")
        for index, member in enumerate(self.cast.people[:MEMBER_COUNT]):
            self.organization.join(member, acts.repository.created_at, is_hidden=index % 3 == 2)
        self.pull_requests: list[Issue] = []
        self.comments: list[IssueComment] = []

    def take_up(self, issue: Issue) -> None:
        """Take a new pull request among those that things happen to."""
        self.pull_requests.append(issue)
        issue.is_draft = self.rng.random() < 0.25

    def at_old_home(self, issue: Issue, since: int, until: int) -> None:
        """Let people talk of an issue and label it elsewhere, before it is transferred."""
        rng, labels = self.old_home_rng, self.outside.repository.labels
        for at in sorted(rng.randrange(since, until) for _ in range(rng.randrange(4))):
            if rng.random() < 0.5:
                self.outside.comment(issue, at, rng.choice((*self.cast.people[:20], *self.others, None)))
            else:
                self.outside.label(issue, at, self.maintainer(rng), rng.choice(labels))

    def at_arrival(self, issue: Issue, at: int) -> None:
        """Let somebody label an issue in the very second in which it was transferred, now and then."""
        if self.old_home_rng.random() < 0.3:
            label = self.old_home_rng.choice(self.acts.repository.labels)
            self.acts.label(issue, at, self.maintainer(self.old_home_rng), label)

    def plan_day(self, at: int) -> None:
        """Schedule what happens on the day that begins at `at`."""
        count = 1 + int(len(self._open()) * MOVES_A_DAY)
        for _ in range(count):
            self.world.schedule(at + self.rng.randrange(DAY_SECONDS), self._act_on_pull_request)
        for _ in range(self.rng.randrange(4)):
            self.world.schedule(at + self.rng.randrange(DAY_SECONDS), self._act_on_issue)
        if self.membership_rng.random() < MEMBER_MOVES_A_DAY:
            self.world.schedule(at + self.membership_rng.randrange(DAY_SECONDS), self._come_or_go)
        if self.rng.random() < 0.01 and len(self.acts.repository.labels) > 5:
            self.world.schedule(at + self.rng.randrange(DAY_SECONDS), self._delete_label)
        if self.regret_rng.random() < REGRETS_A_DAY:
            self.world.schedule(at + self.regret_rng.randrange(DAY_SECONDS), self._regret)

    def _regret(self, at: int, _: Any) -> None:
        """React to an issue or pull request, or edit or delete what was said there."""
        rng = self.regret_rng
        issue = rng.choice(list(self.acts.repository.issues.values()) or [None])  # pyright: ignore
        if issue is None or issue.updated_at >= at:
            return
        draw = rng.random()
        if draw < 0.3:
            self.acts.react(issue, rng.choice(REACTIONS))
        elif draw < 0.7 and issue.review_comments:
            self.acts.delete_review_comment(rng.choice(issue.review_comments), at)
        else:
            self._change_comment(issue, at, rng)

    def _come_or_go(self, at: int, _: Any) -> None:
        """A member leaves, or one who left returns; their association goes on being told as before."""
        member = self.cast.people[self.membership_rng.randrange(MEMBER_COUNT)]
        is_member = member.user_id in self.organization.members
        (self.organization.leave if is_member else self.organization.join)(member, at)

    def anyone(self) -> User | None:
        """Somebody: often a regular, now and then a bot, a Mannequin or an account deleted since."""
        draw = self.rng.random()
        if draw < 0.08:
            return None
        people = self.cast.people
        return (
            self.rng.choice(self.others) if draw < 0.25 else people[int(len(people) * self.rng.random() ** 2)]
        )

    def maintainer(self, rng: Random | None = None) -> User:
        """A maintainer."""
        return self.cast.people[(rng or self.rng).randrange(6)]

    def _open(self) -> list[Issue]:
        return [one for one in self.pull_requests if one.state == "open"]

    def _act_on_pull_request(self, at: int, _: Any) -> None:
        found = self._open() if self.rng.random() < 0.85 else self.pull_requests
        issue = self.rng.choice(found) if found else None
        if issue is None or issue.updated_at >= at:
            return
        names = {
            "open": (
                self._talk,
                self._review,
                self._review,
                self._request,
                self._turn,
                self._label,
                self._end,
            ),
            "closed": (self._talk, self._review, self._reopen, self._label, self._dismiss),
        }
        self.rng.choice(names[issue.state])(issue, at)

    def _act_on_issue(self, at: int, _: Any) -> None:
        issue = self.rng.choice(list(self.acts.repository.issues.values()) or [None])  # pyright: ignore
        if issue is None or issue.is_pull_request or issue.updated_at >= at:
            return
        self.rng.choice((self._talk, self._talk, self._label, self._change_comment))(issue, at)

    def _talk(self, issue: Issue, at: int) -> None:
        comment = self.acts.comment(issue, at, self.anyone())
        if self.rng.random() < 0.3:
            self.acts.react(comment, self.rng.choice(REACTIONS))

    def _change_comment(self, issue: Issue, at: int, rng: Random | None = None) -> None:
        rng = rng or self.rng
        comments = [entry for entry in issue.said if isinstance(entry, IssueComment)]
        if not comments:
            return
        comment = rng.choice(comments)
        if rng.random() < 0.5:
            self.acts.edit_comment(comment, at)
        else:
            self.acts.delete_comment(comment, at, self.maintainer(rng))

    def _review(self, issue: Issue, at: int) -> None:
        drafts = tuple(at - self.rng.randrange(1, 7200) for _ in range(self.rng.randrange(3)))
        drafts = tuple(max(issue.created_at, written_at) for written_at in drafts)
        reviewer = issue.author if self.rng.random() < 0.1 else self.anyone()
        if issue.review_comments and self.rng.random() < 0.3:
            self.acts.reply(self.rng.choice(issue.review_comments), at, reviewer)
            return
        state = "COMMENTED" if reviewer is issue.author else self.rng.choice(STATES)
        review = self.acts.review(issue, at, reviewer, state, drafted_at=drafts)
        if state != "COMMENTED" and self.rng.random() < 0.3:
            self.world.schedule(at + self.rng.randrange(60, DAY_SECONDS), self._dismiss_one, review)

    def _dismiss_one(self, at: int, review: PullRequestReview) -> None:
        if review.state != "DISMISSED" and review.issue.updated_at < at:
            self.acts.dismiss(review, at, self.maintainer())

    def _dismiss(self, issue: Issue, at: int) -> None:
        for entry in issue.said:
            if isinstance(entry, PullRequestReview) and entry.state == "APPROVED":
                self.acts.dismiss(entry, at, self.maintainer())
                return

    def _request(self, issue: Issue, at: int) -> None:
        reviewer = self.team if self.rng.random() < 0.2 else self.maintainer()
        act = self.acts.call_off_review if self.rng.random() < 0.2 else self.acts.request_review
        act(issue, at, issue.author, reviewer)

    def _turn(self, issue: Issue, at: int) -> None:
        (self.acts.mark_ready if issue.is_draft else self.acts.convert_to_draft)(issue, at, issue.author)

    def _label(self, issue: Issue, at: int) -> None:
        self.acts.label(issue, at, self.anyone(), self.rng.choice(self.acts.repository.labels))

    def _end(self, issue: Issue, at: int) -> None:
        draw = self.rng.random()
        actor = issue.author if self.rng.random() < 0.2 else self.maintainer()
        if draw < 0.6 and not issue.is_draft:
            self.acts.merge(issue, at, actor)
        elif draw < 0.7:
            self.acts.close_pull_request(issue, at, actor, closer="Commit", keeps_draft=True)
        else:
            self.acts.close_pull_request(issue, at, actor, keeps_draft=True)

    def _reopen(self, issue: Issue, at: int) -> None:
        if issue.merged_at is None:
            self.acts.reopen_pull_request(issue, at, self.anyone())

    def _delete_label(self, at: int, _: Any) -> None:
        label = self.rng.choice(self.acts.repository.labels)
        if label is not self.waiting:
            self.acts.delete_label(label, at)


def strangers(first_id: int) -> list[User]:
    """Those that are not quite people: bots, a Mannequin, a service account, an organisation."""
    return [
        User(first_id, "reviewer-bot[bot]", "Bot", node_id("BOT", first_id)),
        User(first_id + 1, "Copilot", "Bot", node_id("BOT", first_id + 1)),
        User(first_id + 2, "old-colleague", "Mannequin", node_id("M", first_id + 2), "MANNEQUIN"),
        User(first_id + 3, "build-service", "User", node_id("U", first_id + 3), "COLLABORATOR"),
        User(first_id + 4, "rocket-inc", "Organization", node_id("O", first_id + 4)),
    ]
