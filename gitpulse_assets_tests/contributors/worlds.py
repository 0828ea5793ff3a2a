"""Random small repositories in which everything happens that makes two people count differently."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

from gitpulse_assets_tests.contributors.truth import (
    REACTIONS,
    Account,
    LabelTime,
    Move,
    Organization,
    Thread,
    Word,
    World,
)

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LISTED_BOT = Account(31, "Release-Robot")
RENAMED_BOT = Account(32, "Builds", old_login="Old-Builds")
PEOPLE = (
    Account(1, "owner"),
    Account(2, "helper"),
    Account(3, "member-one", old_login="member-uno"),
    Account(4, "member-two"),
    Account(5, "guest", old_login="visitor"),
    Account(6, "passer-by"),
    Account(7, "regular"),
    Account(8, "gone", is_deleted=True),
    Account(9, "gone-too", is_deleted=True),
    Account(10, "imported", "Mannequin"),
)
ROBOTS = (
    Account(20, "ci[bot]", "Bot"),
    Account(21, "Copilot", "Bot"),
    Account(22, "acme", "Organization"),
    Account(23, "old-style[bot]"),
    LISTED_BOT,
    RENAMED_BOT,
)
USUAL = {1: "OWNER", 2: "COLLABORATOR", 3: "MEMBER", 4: "MEMBER", 10: "MANNEQUIN"}
OUTSIDE = ("NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR")
LABELS = (
    (101, "Pending User Response"),
    (102, "waiting for author"),
    (103, "needs-info"),
    (104, "bug"),
    (105, "is waiting"),
    (106, "PENDING-close soon"),
)
STATES = ("APPROVED", "CHANGES_REQUESTED", "COMMENTED", "COMMENTED", "APPROVED")
ZONES = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "Europe/Berlin")


@dataclass
class Maker:
    """Makes one repository; `start` to `as_of_at` is its life, short or some years long.

    `is_last_night`: as of the last night of a year, which in the east is the next one.
    """

    random: Random
    is_last_night: bool
    as_of_at: datetime = field(init=False)
    start: datetime = field(init=False)
    moments: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        chance = self.random
        first = datetime(2023, 1, 1, tzinfo=UTC) + DAY * chance.randrange(700)
        if self.is_last_night:
            first = datetime(first.year, 12, 31, 20, tzinfo=UTC)
        self.as_of_at = first + chance.choice((timedelta(), timedelta(hours=chance.randrange(24), seconds=7)))
        self.start = self.as_of_at - DAY * chance.choice((4, 20, 20, 60, 400, 900))
        edges = [self.as_of_at - DAY * days for days in (0, 7, 14, 90, 180, 365)]
        self.moments = [edge + SECOND * shift for edge in edges for shift in (-1, 0, 1)]

    def moment(self, since: datetime) -> datetime:
        """A time at or after `since`: now and then one met before, an edge, a day's border, after as-of."""
        until = max(self.as_of_at, since + SECOND)
        at = since + SECOND * self.random.randrange(int((until - since) / SECOND) + 1)
        kind = self.random.random()
        if kind < 0.2:
            at = self.random.choice(self.moments if kind < 0.1 else self.moments[-6:])
        elif kind < 0.3:
            at = at.replace(hour=0, minute=0, second=0)
        elif kind < 0.33:
            at = self.as_of_at + SECOND * self.random.randrange(1, 7_200)
        elif kind < 0.5:
            at = self.as_of_at - SECOND * self.random.randrange(20 * 86_400)
        at = max(at, since)
        self.moments.append(at)
        return at

    def moments_in_order(self, since: datetime, most: int) -> list[datetime]:
        return sorted(self.moment(since) for _ in range(self.random.randrange(most + 1)))

    def account(self) -> Account:
        return self.random.choice(PEOPLE if self.random.random() < 0.8 else ROBOTS)

    def association(self, account: Account) -> str:
        if self.random.random() < 0.1:
            return self.random.choice(("MEMBER", "COLLABORATOR", *OUTSIDE))
        return USUAL.get(account.account_id) or self.random.choice(OUTSIDE)

    def moves(self, thread: Thread) -> list[Move]:
        found: list[Move] = []
        is_open, is_draft = True, thread.is_opened_as_draft
        moments = self.moments_in_order(thread.created_at, 4)
        if moments and thread.number % 13 == 5:
            # As GitHub's clocks have it now and then; by days, so that a month's border lies between.
            moments[0] = thread.created_at - DAY * thread.number
        for at in moments:
            kinds = ["reopened"] if not is_open else ["closed"] + ["merged"] * thread.is_pull_request * 2
            kinds += (["ready"] if is_draft else ["drafted"]) if thread.is_pull_request else []
            move = Move(self.random.choice(kinds), at, self.merger(thread), self.random.random() < 0.3)  # type: ignore[arg-type]
            found.append(move)
            is_open = {"closed": False, "reopened": True}.get(move.kind, is_open)
            is_draft = {"ready": False, "drafted": True}.get(move.kind, is_draft)
            if move.kind == "merged":
                break
        return found

    def merger(self, thread: Thread) -> Account:
        return thread.author if self.random.random() < 0.3 else self.account()

    def speaker(self, thread: Thread) -> Account:
        return thread.author if self.random.random() < 0.25 else self.account()

    def words(self, thread: Thread) -> list[Word]:
        since = thread.created_at - DAY if self.random.random() < 0.1 else thread.created_at
        found: list[Word] = []
        for at in self.moments_in_order(since, self.random.choice((0, 2, 5, 12))):
            is_review = thread.is_pull_request and self.random.random() < 0.5
            found += self.review(thread, at) if is_review else [self.comment(thread, at)]
        return found

    def comment(self, thread: Thread, at: datetime) -> Word:
        who = self.speaker(thread)
        return Word("comment", at, who, self.association(who))

    def review(self, thread: Thread, at: datetime) -> list[Word]:
        who = self.speaker(thread)
        association = self.association(who)
        state = "COMMENTED" if who == thread.author else self.random.choice(STATES)
        dismissed_at = None
        if state != "COMMENTED" and self.random.random() < 0.4:
            dismissed_at = self.moment(at)
        written_at = at - SECOND * self.random.randrange(5 * 86_400)
        parts = [
            Word("review_comment", at, who, association, written_at=written_at)
            for _ in range(self.random.choice((0, 0, 1, 2)))
        ]
        return [Word("review", at, who, association, state, dismissed_at), *parts]

    def labels(self, thread: Thread) -> list[LabelTime]:
        found: list[LabelTime] = []
        for label_id, name in self.random.sample(LABELS, self.random.choice((0, 1, 1, 2, 3))):
            times = self.moments_in_order(thread.created_at, 5)
            for place in range(0, len(times), 2):
                until = times[place + 1] if place + 1 < len(times) else None
                found.append(LabelTime(label_id, name, times[place], until))
        return found

    def thread(self, number: int) -> Thread:
        who = self.account()
        is_pull_request = self.random.random() < 0.55
        thread = Thread(number, is_pull_request, who, self.association(who), self.moment(self.start))
        thread.title = f"title of {number}"
        thread.is_opened_as_draft = is_pull_request and self.random.random() < 0.3
        thread.moves = self.moves(thread)
        thread.words = self.words(thread)
        thread.labels = self.labels(thread)
        thread.reactions = {kind: self.random.randrange(3) for kind in self.random.sample(REACTIONS, 2)}
        thread.has_departed = self.random.random() < 0.05
        return thread

    def organization(self) -> Organization | None:
        if self.random.random() < 0.3:
            return None
        looked = self.moment(self.start)
        # A membership that began is one seen after the first look; one that ended, too.
        spans = {
            account_id: self.spans(looked.date())
            for account_id in (1, 3, 4, 5, 6)
            if self.random.random() < 0.7
        }
        return Organization(looked, {1: [(None, None)], **spans})

    def spans(self, first_look: date) -> list[tuple[date | None, date | None]]:
        ends = sorted(first_look + DAY * self.random.randrange(1, 60) for _ in range(3))
        first, again, last = ends
        whole: list[tuple[date | None, date | None]] = [(None, None)]
        left: list[tuple[date | None, date | None]] = [(None, first)]
        joined: list[tuple[date | None, date | None]] = [(first, None)]
        returned: list[tuple[date | None, date | None]] = [(None, first), (again, last)]
        return self.random.choice((whole, left, joined, returned if first < again < last else left))

    def world(self) -> World:
        count = self.random.choice((0, 1, 3, 6, 10, 25, 40))
        threads = [self.thread(number) for number in range(1, count + 1)]
        return World(
            self.as_of_at,
            threads,
            self.organization(),
            (LISTED_BOT.login.lower(), RENAMED_BOT.login.lower()),
            time_zone=self.random.choice(ZONES),
            calendar=self.random.choice(("", "DE-BY", "JP", "US-CA", "IN")),
            response_days=self.random.choice((0, 2, 2, 5)),
        )


def random_world(seed: int) -> World:
    return Maker(Random(seed), is_last_night=seed % 20 == 7).world()
