"""The pages Pull requests, Responsiveness and Contributors: whom to answer first, lists to act from, trends.

What a list or a figure means belongs to the answers, how it looks to the templates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.answers.conversations import ListFilter
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.waiting import Waiting
from gitpulse_assets.answers.window import Window
from gitpulse_assets.charts import conversation_titles as titles
from gitpulse_assets.charts import conversations as charts
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.marts import (
    contributor,
    contributor_monthly,
    first_response,
    first_response_monthly,
    follow_up,
    pending_response,
    pull_request_flow,
    pull_request_lifecycle,
    pull_request_monthly,
    time_in_label,
    trending_closed_issue,
    trending_issue,
    trending_pull_request,
)
from gitpulse_assets.page.story import ChartCard, card

Row = dict[str, Any]
Columns = Sequence[tuple[str, str]]
ROWS_A_PAGE = 25

RESPONSE_WAITS = {
    "median of the answered": "median_first_response_seconds",
    "9 in 10 of the answered": "p90_first_response_seconds",
    "median, unanswered counted": "kaplan_meier_median_first_response_seconds",
}
PULL_REQUEST_WAITS = {
    "first answer": "kaplan_meier_median_first_response_seconds",
    "first review": "kaplan_meier_median_first_review_seconds",
    "merge": "kaplan_meier_median_merge_seconds",
}
FLOW_COLUMNS = (
    ("flow_date", "UTC day"),
    ("open_at_end", "open at its end"),
    ("drafts_at_end", "drafts"),
    ("opened_count", "opened"),
    ("merged_count", "merged"),
    ("closed_unmerged_count", "closed unmerged"),
    ("reopened_count", "reopened"),
)
RESPONSE_COLUMNS = (
    ("month", "month"),
    ("issue_count", "issues"),
    ("answered_count", "answered"),
    ("share_answered_within_1d", "within 1 day"),
    ("share_answered_within_3d", "within 3 days"),
    ("share_answered_within_7d", "within 7 days"),
    ("median_first_response_seconds", "median of the answered"),
    ("p90_first_response_seconds", "9 in 10 within"),
    ("kaplan_meier_median_first_response_seconds", "median, unanswered counted"),
)
PULL_REQUEST_COLUMNS = (
    ("month", "month"),
    ("opened_count", "opened"),
    ("merged_count", "merged"),
    ("share_merged", "of the opened merged"),
    ("share_merged_without_review", "merged without review"),
    ("share_by_newcomers", "by newcomers"),
    *((column, f"median to the {what}") for what, column in PULL_REQUEST_WAITS.items()),
)
PEOPLE_COLUMNS = (
    ("month", "month"),
    ("active_count", "active"),
    ("new_count", "new"),
    ("returning_count", "back"),
    ("one_time_count", "here once"),
    ("absence_factor", "people behind half of the merges"),
)


@dataclass(frozen=True)
class ListKind:
    """A list: its mart, heading, what it tells, the columns beside the thread, and what an empty one says."""

    mart: Mart
    heading: str
    note: str
    columns: Columns
    empty: str

    @property
    def route(self) -> str:
        """The name of its route and of its download."""
        assert self.mart.answer
        return self.mart.answer.route

    @property
    def is_of_threads(self) -> bool:
        """Whether its rows are issues and pull requests; else they are people."""
        return self.mart.answer is not None and self.mart.answer.over == "threads"

    @property
    def number(self) -> str:
        """The column with the thread's number."""
        return self.mart.contract.key[2]


@dataclass(frozen=True)
class PagedList:
    """A list with the rows of one page, and what its figures lack."""

    kind: ListKind
    rows: Sequence[Row]
    total_count: int
    gaps: Sequence[str]


FOLLOW_UP = ListKind(
    follow_up.MART,
    "Who waits for a maintainer's word",
    "Open, no draft, and no maintainer spoke since somebody else did. Overdue: for more business days than "
    "the watch list promises. The overdue stand first, of each the latest at the top.",
    (("business_days_waiting", "Business days"), ("is_overdue", "Overdue"), ("waiting_since", "Since, UTC")),
    "Nobody waits: wherever somebody spoke, a maintainer had the last word.",
)
PENDING = ListKind(
    pending_response.MART,
    "Who gave what a waiting label asks for",
    "Open, with a waiting label, and the last word since it was put on is no maintainer's: answer, or take "
    "the label off.",
    (("waiting_days", "Days"), ("waiting_since", "Since, UTC")),
    "Nobody: no open issue or pull request has a waiting label and an answer to it.",
)
COUNTED = (("people_count", "People"), ("reaction_count", "Reactions"), ("last_counted_at", "Last, UTC"))
TRENDING = (
    ListKind(
        trending_issue.MART,
        "Open issues people speak of",
        "Comments of the last 7 days by people who are no maintainers; the ten with most.",
        (("comment_count", "Comments"), *COUNTED),
        "Nobody but maintainers and bots commented on an open issue in the last 7 days.",
    ),
    ListKind(
        trending_pull_request.MART,
        "Open pull requests people speak of",
        "Comments, reviews and review comments of the last 7 days by people who are no maintainers; the ten "
        "with most.",
        (("word_count", "Words"), *COUNTED),
        "Nobody but maintainers and bots spoke on an open pull request in the last 7 days.",
    ),
    ListKind(
        trending_closed_issue.MART,
        "Closed, and people still speak of it",
        "Comments after the closing, of the last 14 days, by people who are no maintainers: was it closed "
        "too soon?",
        (("comment_count", "Comments"), *COUNTED),
        "Nobody but maintainers and bots commented on a closed issue in the last 14 days.",
    ),
)
FIRST_RESPONSES = ListKind(
    first_response.MART,
    "Issues and their first answer, the newest first",
    "Only words answer: no label, no closing. The first by anybody but the author and bots, and by a "
    "maintainer.",
    (
        ("state", "State"),
        ("created_at", "Created, UTC"),
        ("first_response_at", "First answer, UTC"),
        ("first_maintainer_response_at", "A maintainer's, UTC"),
        ("is_closed_without_response", "Closed without one"),
    ),
    "There is no issue.",
)
TIME_IN_LABEL = ListKind(
    time_in_label.MART,
    "How long labels were on, the longest first",
    "All times of a label on one issue or pull request added up, also while it was closed, and up to now "
    "where it is still on.",
    (
        ("total_seconds", "On for"),
        ("label_name", "Label"),
        ("times_entered", "Times"),
        ("first_entered_at", "First, UTC"),
        ("is_in_label", "On now"),
    ),
    "No label was ever put on.",
)
PULL_REQUESTS = ListKind(
    pull_request_lifecycle.MART,
    "Pull requests, the newest first",
    "Who answered and reviewed, and how it ended. Bots answer nothing; what a commit closed is not rejected.",
    (
        ("state", "State"),
        ("is_draft", "Draft"),
        ("created_at", "Created, UTC"),
        ("first_response_at", "First answer, UTC"),
        ("reviewer_logins", "Reviewers"),
        ("merged_at", "Merged, UTC"),
        ("is_merged_without_review", "Without review"),
        ("is_closed_by_commit", "By commit"),
    ),
    "There is no pull request.",
)
PEOPLE = ListKind(
    contributor.MART,
    "Everyone who opened, commented or reviewed, by name",
    "People, no bots; deleted accounts are one person, ghost. The list is in no order of merit.",
    (
        ("is_maintainer", "Maintainer"),
        ("issues_opened", "Issues"),
        ("pull_requests_opened", "Pull requests"),
        ("pull_requests_merged", "Merged"),
        ("review_count", "Reviews"),
        ("comment_count", "Comments"),
        ("first_act_at", "First act, UTC"),
        ("last_act_at", "Last act, UTC"),
    ),
    "Nobody has acted here yet.",
)
BY_TIME = (FIRST_RESPONSES, TIME_IN_LABEL)
KINDS = {kind.route: kind for kind in (FOLLOW_UP, PENDING, *TRENDING, *BY_TIME, PULL_REQUESTS, PEOPLE)}


@dataclass(frozen=True)
class PageTold:
    """What a page tells: what comes first, figures as (what, value, note), charts, and lists; one is paged.

    `title`: what comes first where it is nobody's turn: one sentence.
    """

    figures: Sequence[tuple[str, str, str]]
    cards: Sequence[ChartCard]
    lists: Sequence[PagedList]
    waiting: Waiting | None = None
    title: str = ""


def listed(asked: RepositoryAnswers, kind: ListKind, chosen: ListFilter) -> PagedList:
    """Ask for one page of a list."""
    page = asked.listed(kind.mart, chosen)
    return PagedList(kind, page.rows.to_pylist(), page.total_count, asked.gaps(kind.mart))


def responsiveness(asked: RepositoryAnswers, window: Window, chosen: ListFilter) -> PageTold:
    """Whom to answer first, all who wait, what is spoken of, how soon issues are answered, time in labels."""
    waiting = asked.waiting(ListFilter(chosen.label, chosen.person))
    others = ListFilter(chosen.label, chosen.person, limit=ROWS_A_PAGE)
    months = asked.mart(first_response_monthly.MART, window).to_pylist()
    document = charts.waits(months, RESPONSE_WAITS, titles.first_responses(months))
    return PageTold(
        [
            ("Overdue", f"{waiting.overdue_count:,}", "wait longer than promised"),
            ("Pending", f"{waiting.pending_count:,}", "gave what a label asks for"),
            ("Wait in all", f"{waiting.waiting_count:,}", "for a maintainer's word"),
        ],
        [card("first_responses", document, RESPONSE_COLUMNS, months[::-1])],
        [
            listed(asked, FOLLOW_UP, chosen),
            *(listed(asked, kind, others) for kind in (PENDING, *TRENDING, *BY_TIME)),
        ],
        waiting,
    )


def pull_requests(asked: RepositoryAnswers, window: Window, chosen: ListFilter) -> PageTold:
    """How many are open and how it goes on with them, how long they wait, and all of them."""
    flow = asked.mart(pull_request_flow.MART, window).to_pylist()
    months = asked.mart(pull_request_monthly.MART, window).to_pylist()
    waits = charts.waits(months, PULL_REQUEST_WAITS, titles.pull_request_waits(months))
    return PageTold(
        flow_figures(flow),
        [
            card("open_pull_requests", charts.open_pull_requests(flow), FLOW_COLUMNS, flow[::-1]),
            card("pull_request_waits", waits, PULL_REQUEST_COLUMNS, months[::-1]),
        ],
        [listed(asked, PULL_REQUESTS, chosen)],
        asked.waiting(ListFilter(chosen.label, chosen.person, is_pull_request=True)),
    )


def flow_figures(flow: Sequence[Row]) -> list[tuple[str, str, str]]:
    """The sums of the window, and the stock at its end."""
    if not flow:
        return []

    def total(name: str) -> str:
        return f"{sum(row[name] for row in flow):,}"

    last = flow[-1]
    return [
        ("Open at the end", f"{last['open_at_end']:,}", f"of them drafts: {last['drafts_at_end']:,}"),
        ("Opened", total("opened_count"), f"{total('opened_as_draft_count')} as drafts"),
        ("Merged", total("merged_count"), "in the window"),
        (
            "Closed unmerged",
            total("closed_unmerged_count"),
            f"{total('closed_by_commit_count')} of them by a commit",
        ),
    ]


def contributors(asked: RepositoryAnswers, window: Window, chosen: ListFilter) -> PageTold:
    """How many are active, new and back, on how few the merges rest, and everyone by name."""
    months = asked.mart(contributor_monthly.MART, window).to_pylist()
    last = months[-1] if months else None
    names = (("Active", "active_count"), ("New", "new_count"), ("Back", "returning_count"))
    figures = [
        (what, f"{last[name]:,}", f"in {last['month']:%B %Y}") for what, name in names if last is not None
    ]
    few = last and last["absence_factor"]
    return PageTold(
        [*figures, ("Merges rest on", f"{few:,}" if few else "–", "who opened half of a year's")],
        [card("active_people", charts.active_people(months), PEOPLE_COLUMNS, months[::-1])],
        [listed(asked, PEOPLE, chosen)],
        title=titles.absence(last),
    )
