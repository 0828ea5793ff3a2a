"""What truly happened in a small repository, in plain words: no table, no SQL.

A `World` is what the oracle reads and what `silver_rows.py` writes down as GitPulse would have received it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

REACTIONS = ("plus_1", "minus_1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


@dataclass(frozen=True)
class Account:
    """Someone: `login` as it is now, `old_login` as it was received at first."""

    account_id: int
    login: str
    type: Literal["User", "Bot", "Organization", "Mannequin"] = "User"
    is_deleted: bool = False
    old_login: str = ""


@dataclass(frozen=True)
class Word:
    """A comment, a submitted review or a review comment; `at`: from when it counts.

    `state`: a review's when it was submitted. `written_at`: when the draft of a review comment was written.
    """

    kind: Literal["comment", "review", "review_comment"]
    at: datetime
    author: Account
    association: str
    state: str = ""
    dismissed_at: datetime | None = None
    written_at: datetime | None = None


@dataclass(frozen=True)
class Move:
    """What changes whether a thread is open or a draft."""

    kind: Literal["closed", "merged", "reopened", "ready", "drafted"]
    at: datetime
    by: Account
    is_by_commit: bool = False


@dataclass(frozen=True)
class LabelTime:
    """A label on a thread, by its name now; `until` None: still on."""

    label_id: int
    name: str
    since: datetime
    until: datetime | None


@dataclass
class Thread:
    """An issue or a pull request; its moves in the order they happened."""

    number: int
    is_pull_request: bool
    author: Account
    association: str
    created_at: datetime
    title: str = "title"
    is_opened_as_draft: bool = False
    moves: list[Move] = field(default_factory=list[Move])
    words: list[Word] = field(default_factory=list[Word])
    labels: list[LabelTime] = field(default_factory=list[LabelTime])
    reactions: dict[str, int] = field(default_factory=dict[str, int])
    has_departed: bool = False

    @property
    def last_end(self) -> Move | None:
        """The closing or merge it is closed by; None while it is open."""
        ends = [move for move in self.moves if move.kind in ("closed", "merged", "reopened")]
        return ends[-1] if ends and ends[-1].kind != "reopened" else None

    @property
    def state(self) -> str:
        """Open, closed or merged."""
        return self.last_end.kind if self.last_end else "open"

    @property
    def is_draft(self) -> bool:
        """Whether it is a draft, closed or not."""
        turns = [move.kind == "drafted" for move in self.moves if move.kind in ("ready", "drafted")]
        return turns[-1] if turns else self.is_opened_as_draft

    @property
    def merged_at(self) -> datetime | None:
        """When it was merged."""
        return self.last_end.at if self.last_end and self.state == "merged" else None

    @property
    def closed_at(self) -> datetime | None:
        """When it was closed or merged; None while open."""
        return self.last_end.at if self.last_end else None


@dataclass
class Organization:
    """Its members' days (first, first absent; None: before the first look, still) by account id."""

    first_look_at: datetime
    spans: dict[int, list[tuple[date | None, date | None]]]


@dataclass(frozen=True)
class Moved:
    """An issue that came from another repository or went to one, which nobody watches.

    `at` None: when it left is told to nobody. `labels`: those it had before it came, told where somebody read
    its conversation. `now`: title, state and labels of one that is here.
    """

    issue_id: int
    number: int
    direction: Literal["in", "out"]
    at: datetime | None
    other_repository: str
    other_number: int | None = None
    labels: tuple[str, ...] | None = None
    now: tuple[str, str, tuple[str, ...]] | None = None


@dataclass
class World:
    """A repository as of a moment, and what its watch list says."""

    as_of_at: datetime
    threads: list[Thread]
    organization: Organization | None = None
    bots: tuple[str, ...] = ()
    waiting_labels: tuple[str, ...] = ("pending*response*", "pending-close*", "needs-info*", "waiting*")
    time_zone: str = "UTC"
    calendar: str = ""
    response_days: int = 2
