"""The verdict in GitHub's Markdown: for a workflow run's summary, and for the issue that is kept.

GitHub shows no picture that is not at an address, but draws Mermaid. What people wrote notifies nobody.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence

from gitpulse_assets.charts.theme import LIGHT
from gitpulse_assets.page.story import Row, Story, figures
from gitpulse_assets.texts.markdown import as_code, as_github

POINTS_MAX = 14
# Mermaid's own line is all but white, and its picture too narrow for a quarter's weeks.
LOOK = {
    "xyChart": {"width": 900, "height": 340},
    "themeVariables": {"xyChart": {"plotColorPalette": LIGHT["opened"]}},
}
LABELS_SHOWN, ISSUES_SHOWN = 5, 5
SECOND_HEADING = "##"
# The address that leads on to github.com and leaves no reference in the issue it leads to.
WEB, WEB_UNREFERRED = "https://github.com/", "https://redirect.github.com/"

IssueTable = tuple[str, str, Sequence[Row]]


def told(story: Story, issues: Sequence[IssueTable], note: str | None) -> str:
    """The whole text; `issues` are (heading, caption, rows), `note` what the answer lacks."""
    blocks = [
        f"{SECOND_HEADING} {as_github(story.verdict['headline'])}",
        paragraph(story.verdict),
        *([f"> {as_github(note)}"] if note else []),
        *([chart] if (chart := mermaid(story)) else []),
        figure_table(story),
        "### Where to act first",
        *acts(story, issues),
        f"<sub>As of {story.published.as_of_at:%Y-%m-%d %H:%M} UTC. "
        f"How sure: {as_github(story.verdict['confidence'])}.</sub>",
    ]
    return "\n\n".join(blocks) + "\n"


def paragraph(verdict: Row) -> str:
    """The verdict's paragraph."""
    return f"**{as_github(verdict['opening'])}** {as_github(verdict['explanation'])}"


def mermaid(story: Story) -> str:
    """The curve of open issues, a point a week or more; empty where one point is all there is."""
    points = thinned(story.cards["backlog"].rows)
    if len(points) < 2:
        return ""
    counts = [row["open_at_end"] for row in points]
    days = ", ".join(f'"{day_words(row["flow_date"])}"' for row in points)
    margin = max(1, (max(counts) - min(counts)) // 10)
    return "\n".join(
        (
            "```mermaid",
            f"%%{{init: {json.dumps(LOOK)}}}%%",
            "xychart-beta",
            '  title "Open issues at the end of the UTC day"',
            f"  x-axis [{days}]",
            f'  y-axis "open issues" {max(0, min(counts) - margin)} --> {max(counts) + margin}',
            f"  line [{', '.join(map(str, counts))}]",
            "```",
        )
    )


def day_words(day: dt.date) -> str:
    """A day on the axis."""
    return f"{day.day} {day:%b}"


def thinned(newest_first: Sequence[Row]) -> list[Row]:
    """Every seventh day back from the newest, or fewer, in order of time."""
    weeks = -(-len(newest_first) // (7 * POINTS_MAX))
    return list(newest_first[:: 7 * max(1, weeks)])[::-1]


def figure_table(story: Story) -> str:
    """The header's figures."""
    rows = [f"| {what} | **{value}** | {note} |" for what, value, note in figures(story)]
    return "\n".join(("| figure | value | |", "|---|--:|---|", *rows))


def acts(story: Story, issues: Sequence[IssueTable]) -> Iterator[str]:
    """The labels with the largest backlog, and the first issues in each order."""
    labels = [row for row in story.cards["labels"].rows if row["open_issue_count"]][:LABELS_SHOWN]
    if labels:
        rows = [
            f"| {as_github(row['label_name'])} | {row['open_issue_count']:,} "
            f"| {change_words(row['net_change'])} |"
            for row in labels
        ]
        yield "\n".join(("| label | open | change in the window |", "|---|--:|--:|", *rows))
    for heading, _, rows in issues:
        if rows:
            yield "\n".join((f"{heading}:", "", *(f"* {issue_line(row)}" for row in rows[:ISSUES_SHOWN])))


def change_words(change: int) -> str:
    """A change with its sign; none has none."""
    return f"{change:+,}" if change else "0"


def issue_line(row: Row) -> str:
    """An issue with its link, title, age and comments."""
    age = f"{row['open_age_days']:,.0f} days old"
    comments = f"{row['comment_count']:,} comment{'' if row['comment_count'] == 1 else 's'}"
    return f"[#{row['issue_number']}]({row['html_url']}) {as_code(row['title'])}, {age}, {comments}"


def unreferred(text: str) -> str:
    """The text with links to github.com that leave no reference in what they lead to."""
    return text.replace(f"]({WEB}", f"]({WEB_UNREFERRED}")
