"""What the first refresh of a repository will cost, and whether the hour's budget has it.

Pure arithmetic over counts that were asked for; the asking and the words are the command's.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

RECORDS_A_PAGE = 100
ISSUES_A_POINT = 100
THREADS_A_POINT = 100 / 3
# The repository, the probe before the walk and the one after it; GitHub's counts before and after.
FIXED_REQUESTS = 3
FIXED_POINTS = 2
# Of each list of comments the probe, the look at its end, and the page that is not full.
COMMENT_LIST_REQUESTS = 6
# As what the token's owner sees the members.
OWN_ROLE_REQUESTS = 1
# Without a token GitHub's count is the repository asked for twice more.
FIXED_REQUESTS_WITHOUT_TOKEN = 5
# By experience with github.com: a page of 100 records, and one of 100 issues with their lifecycles.
PAGE_SECONDS = 1.0
POINT_SECONDS = 2.5
# Parsed, merged and published; an idle machine takes 7,000 (docs/benchmarks.md).
RECORDS_A_SECOND = 4_000


@dataclass(frozen=True)
class Size:
    """How many issues and pull requests there are; `is_upper_bound` where GitHub did not tell exactly.

    `comment_count`: comments, those on lines among them, where conversations are collected.
    """

    issue_count: int
    pull_request_count: int
    is_upper_bound: bool = False
    comment_count: int | None = None

    @property
    def record_count(self) -> int:
        """Issues and pull requests together, as the list pages them."""
        return self.issue_count + self.pull_request_count


@dataclass(frozen=True)
class SyncCost:
    """REST requests, GraphQL points and seconds without waiting for limits."""

    request_count: int = 0
    point_count: int = 0
    seconds: float = 0.0

    def __add__(self, other: "SyncCost") -> "SyncCost":
        return SyncCost(
            self.request_count + other.request_count,
            self.point_count + other.point_count,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Left:
    """What a token has of both budgets: left now, and in an hour; `reset` in Unix seconds."""

    requests: int
    requests_an_hour: int
    points: int
    points_an_hour: int
    reset: int


def first_cost(size: Size, *, has_token: bool) -> SyncCost:
    """What a full walk costs, with the history of every issue where there is a token.

    Where conversations are collected, with those of all threads in its stead, and their comments. Threads of
    more than 100 entries cost a point more for each further 100, which nobody knows before.
    """
    pages = ceil(size.record_count / RECORDS_A_PAGE)
    points = ceil(size.issue_count / ISSUES_A_POINT) + FIXED_POINTS if has_token else 0
    requests = pages + (FIXED_REQUESTS if has_token else FIXED_REQUESTS_WITHOUT_TOKEN)
    if size.comment_count is not None:
        points = ceil(size.record_count / THREADS_A_POINT) + FIXED_POINTS if has_token else 0
        requests += ceil(size.comment_count / RECORDS_A_PAGE) + COMMENT_LIST_REQUESTS
    seconds = requests * PAGE_SECONDS + points * POINT_SECONDS + size.record_count / RECORDS_A_SECOND
    return SyncCost(requests, points, seconds)


def members_cost(member_count: int) -> SyncCost:
    """What the first look at an owner's members costs, which all its repositories share."""
    requests = ceil(member_count / RECORDS_A_PAGE) + OWN_ROLE_REQUESTS
    return SyncCost(requests, 0, requests * PAGE_SECONDS)


def by_token(costs: Iterable[tuple[str, SyncCost]]) -> dict[str, SyncCost]:
    """The sum for each token: repositories that share one share its budget."""
    sums: defaultdict[str, SyncCost] = defaultdict(SyncCost)
    for token, cost in costs:
        sums[token] += cost
    return dict(sums)


def hours_needed(cost: SyncCost, left: Left) -> int:
    """How many times the budget has to come back first: 0 where what is left now is enough."""
    budgets = (
        (cost.request_count, left.requests, left.requests_an_hour),
        (cost.point_count, left.points, left.points_an_hour),
    )
    return max(ceil(max(0, wanted - now) / max(1, hourly)) for wanted, now, hourly in budgets)
