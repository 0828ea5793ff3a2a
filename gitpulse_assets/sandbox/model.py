"""What the stand-in GitHub knows: users, labels, issues with their events, repositories, node ids.

Plain state, served by `app` and `graphql` and changed by `acts`. How it came about (generated or recorded)
and how it is spelled in JSON do not belong here.
"""

import base64
from dataclasses import dataclass, field

import msgspec

GHOST_ID = 10137


@dataclass(slots=True, eq=False)
class User:
    """An account; `kind` is GitHub's `type`: User, Bot, Organization, Mannequin."""

    user_id: int
    login: str
    kind: str = "User"
    node_id: str = ""
    association: str = "NONE"


@dataclass(slots=True, eq=False)
class Label:
    """A label of one repository, which its node id names; its name changes, its id does not."""

    label_id: int
    name: str
    color: str
    description: str | None = None
    is_default: bool = False
    repository_id: int = 7

    @property
    def node_id(self) -> str:
        """Its global id."""
        return node_id("LA", self.repository_id, self.label_id)


@dataclass(slots=True, eq=False)
class Team:
    """A team of the organisation, whose review can be requested."""

    team_id: int
    slug: str


@dataclass(slots=True, eq=False)
class IssueComment:
    """A comment on an issue or pull request; times are Unix seconds, `reactions` counts by GitHub's names."""

    comment_id: int
    issue: "Issue"
    author: User | None
    created_at: int
    updated_at: int
    association: str
    edited_at: int | None = None
    reactions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class PullRequestReview:
    """A submitted review; `state` is GraphQL's. One that only replies is in no timeline (`is_reply`)."""

    review_id: int
    issue: "Issue"
    author: User | None
    state: str
    submitted_at: int
    edited_at: int | None = None
    is_reply: bool = False


@dataclass(slots=True, eq=False)
class ReviewComment:
    """A comment on a line, written at `created_at` and seen by others when its review is submitted.

    `is_hidden`: the list does not show it, as it may happen while it is walked.
    """

    comment_id: int
    review: PullRequestReview
    author: User | None
    created_at: int
    updated_at: int
    path: str = "src/main.py"
    reply_to: "ReviewComment | None" = None
    is_hidden: bool = False
    reactions: dict[str, int] = field(default_factory=dict)


Entry = IssueComment | PullRequestReview


@dataclass(slots=True, eq=False)
class Event:
    """One issue event; `kind` is its REST name, `at` Unix seconds, `actor` None for a deleted account."""

    event_id: int
    kind: str
    at: int
    actor: User | None
    state_reason: str | None = None
    label: Label | None = None
    assignee: User | None = None
    title_before: str | None = None
    title_after: str | None = None
    milestone_title: str | None = None
    lock_reason: str | None = None
    from_repository: "Repository | None" = None
    reviewer: User | Team | None = None
    review: PullRequestReview | None = None
    review_state: str | None = None
    closer: str | None = None
    node_id: str | None = None
    raw: bytes | None = None


@dataclass(slots=True, eq=False)
class Issue:
    """An issue or pull request; times in Unix seconds, `raw` its REST record once it is rendered.

    `body` is the text somebody wrote; None for the one that `body_seed` stands for.
    """

    issue_id: int
    number: int
    node_id: str
    repository: "Repository"
    title: str
    author: User | None
    created_at: int
    updated_at: int
    is_pull_request: bool = False
    body_seed: int = 0
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    closed_at: int | None = None
    closed_by: User | None = None
    merged_at: int | None = None
    is_draft: bool = False
    locked: bool = False
    lock_reason: str | None = None
    comment_count: int = 0
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    said: list[Entry] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)
    merged_by: User | None = None
    reactions: dict[str, int] = field(default_factory=dict)
    raw: bytes | None = None
    departure: str | None = None
    moved_to: "Issue | None" = None
    hides_closed_at: bool = False


@dataclass(eq=False)
class Repository:
    """A repository; `issues` are the present ones by number, `departed` those that were once there.

    `version` grows with every change, so that ordered lists can be kept between two changes. `rows` is the
    list as served where it differs from the present issues (a recorded list that repeats rows).
    `pushed_at`: of the last push, in Unix seconds; 0 before the first. `unlisted_open_count`,
    `unlisted_closed_count`: issues that are counted and in no list, as those of accounts GitHub hides.
    `since_goes_by_beginning`: whether what is newer of a timeline are the reviews begun since, not submitted.
    """

    repository_id: int
    owner: str
    name: str
    created_at: int
    pushed_at: int = 0
    has_issues: bool = True
    is_archived: bool = False
    is_private: bool = False
    stars_before: int = 80
    star_times: list[int] = field(default_factory=list)
    unstar_times: list[int] = field(default_factory=list)
    former_names: list[str] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    departed: dict[int, Issue] = field(default_factory=dict)
    rows: list[Issue] | None = None
    body_bytes_mean: int = 400
    node_id: str = ""
    owner_id: int = 0
    version: int = 0
    unlisted_open_count: int = 0
    unlisted_closed_count: int = 0
    since_goes_by_beginning: bool = False

    def star_count(self, now: int) -> int:
        """Its stars: those of long ago, those given since, without those taken back, which no event tells."""
        given, back = (sum(at <= now for at in times) for times in (self.star_times, self.unstar_times))
        return self.stars_before + given - back

    def unlisted_count(self, states: frozenset[str]) -> int:
        """How many issues of these states are counted and in no list."""
        counts = {"open": self.unlisted_open_count, "closed": self.unlisted_closed_count}
        return sum(count for state, count in counts.items() if state in states)

    @property
    def full_name(self) -> str:
        """GitHub's spelling of owner/name."""
        return f"{self.owner}/{self.name}"

    @property
    def listed(self) -> list[Issue]:
        """The records of the issue list, pull requests included."""
        return list(self.issues.values()) if self.rows is None else self.rows

    def open_count(self, *, is_pull_request: bool) -> int:
        """Count the open issues, or the open pull requests."""
        return sum(
            issue.state == "open" and issue.is_pull_request is is_pull_request
            for issue in self.issues.values()
        )


def node_id(prefix: str, *ids: int) -> str:
    """Spell a global node id as GitHub does: a type's prefix and the packed database ids.

    MessagePack takes as few bytes for a number as there need be, so that ids differ in length.
    """
    packed = msgspec.msgpack.encode((0, *ids))
    return f"{prefix}_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


# What REST shows in the place of an account that was deleted.
GHOST = User(GHOST_ID, "ghost", "User", node_id("U", GHOST_ID))
