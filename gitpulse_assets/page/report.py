"""The report: the story of one repository as a file that needs no network and runs no script.

It tells the same as the page, by the same templates and charts; where the file is kept, and when it is made
anew, belongs to its asset.
"""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gitpulse_assets.answers.lake_answers import LakeAnswers, RepositoryStatus
from gitpulse_assets.answers.repository import IssueFilter, IssueSort, RepositoryAnswers
from gitpulse_assets.charts.render import png, svg
from gitpulse_assets.page.html import render, stylesheet
from gitpulse_assets.page.story import ChartCard, Story, figures, tell
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.verdict import WINDOWS_DAYS

ISSUES_SHOWN = 15
# The widths of a card of the page, whole and in a pair; the file scales them to its window.
CARD_PIXELS, PAIR_PIXELS = 1080, 500
PAIRED = ("swings", "closure_age", "closure_shares", "weekdays", "ages")
# Dagster keeps what is shown of a run in its event log for ever, so it is one picture of some ten kilobytes.
PREVIEWED = ("backlog",)
PREVIEW_PIXELS, PREVIEW_HEIGHT = 420, 150


@dataclass(frozen=True)
class Report:
    """The file, what it says in one line, and its main charts as PNG by name."""

    html: str
    headline: str
    previews: dict[str, bytes]


def make_report(answers: LakeAnswers, repo: Repo) -> Report:
    """Make the report of what is published of a repository; raises NoAnswer where nothing is."""
    status = answers.status(repo)

    def compose(asked: RepositoryAnswers) -> Report:
        story = report_story(asked)
        return Report(report_html(asked, status, story), story.verdict["headline"], previews(story))

    return answers.ask(repo, compose)


def report_story(asked: RepositoryAnswers) -> Story:
    """What the report tells: the default window, of all issues."""
    return tell(asked, asked.window(), None, lambda day: f"#day-{day}")


def report_html(asked: RepositoryAnswers, status: RepositoryStatus, story: Story) -> str:
    """Return the whole file."""
    return render(
        "report.html",
        css=Markup(stylesheet()),
        status=status,
        story=story,
        figures=figures(story),
        drawings={name: drawing(card) for name, card in story.cards.items() if card.rows},
        tables=issue_tables(asked),
        others=[asked.verdict(asked.window(days)) for days in WINDOWS_DAYS if days != story.window.days],
    )


def drawing(card: ChartCard) -> Markup:
    """The chart as SVG of our own making, in which Vega escapes every text."""
    return Markup(svg(card.document, PAIR_PIXELS if card.name in PAIRED else CARD_PIXELS))


def issue_tables(asked: RepositoryAnswers) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """The first open issues in each order, as (heading, caption, rows)."""
    made = []
    orders: dict[IssueSort, str] = {
        "oldest": "Oldest open issues",
        "most_discussed": "Most discussed open issues",
    }
    for sort, heading in orders.items():
        page = asked.issues(IssueFilter(state="open", sort=sort, limit=ISSUES_SHOWN))
        rows = page.rows.to_pylist()
        caption = f"{heading}: {len(rows)} of {page.total_count:,}, as they are at the as-of moment"
        made.append((heading, caption, rows))
    return made


def previews(story: Story) -> dict[str, bytes]:
    """The main charts as small PNG by name."""
    cards = (story.cards[name] for name in PREVIEWED)
    return {card.name: png(preview(card), PREVIEW_PIXELS) for card in cards if card.rows}


def preview(card: ChartCard) -> dict[str, Any]:
    """The chart with its words in it, in a small size."""
    title = {"text": card.title, "subtitle": card.subtitle, "limit": PREVIEW_PIXELS}
    return card.document | {"title": title, "height": PREVIEW_HEIGHT}
