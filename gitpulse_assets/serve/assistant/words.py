"""What a model reads first of an answer: sentences that are not wrong when they are quoted alone."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
ACTS_SHOWN = 10


def lead(question: str, content: Row) -> str:
    """The answer's paragraph where it has one, else what its rows are; then what they hold for and lack."""
    verdict = content.get("verdict")
    first = verdict["paragraph"] if verdict else about(question, content)
    return "\n".join((first, *reservations(content)))


def about(question: str, content: Row) -> str:
    """Which question is answered, of what and for which days."""
    parts = [question.splitlines()[0]]
    if "repository" in content:
        label = f", issues labelled {content['label']} now" if content.get("label") else ""
        parts.append(f"Repository {content['repository']}{label}.")
    if window := content.get("window"):
        parts.append(f"{of_days(window)}.")
    if "rows" in content:
        parts.append(rows_words(content))
    return " ".join(parts)


def of_days(window: Row) -> str:
    """Which days figures are of."""
    return f"{window['days']} UTC days, {window['start_date']} to {window['end_date']}"


def rows_words(content: Row) -> str:
    """How many rows there are and are shown."""
    shown, left = len(content["rows"]), content.get("rows_left_off", 0)
    total = content.get("total_count", shown + left)
    return f"{shown:,} of {total:,} rows are shown." if shown < total else f"{shown:,} rows."


def reservations(content: Row) -> list[str]:
    """The moment the data hold for, what is lacking, and where people see the same."""
    said = []
    if "as_of_at" in content:
        said.append(f"Data as of {content['as_of_at']}.")
    if content.get("note"):
        said.append(f"Not complete: {content['note']}")
    said.append(f"The same for people: {content['page_url']}")
    return said


def acts(content: Row) -> str:
    """Where to act first, in sentences."""
    named = [row for row in content["labels"] if row["open_issue_count"]]
    labels = [f"{row['label_name']} {row['open_issue_count']:,}" for row in named]
    window = content["window"]
    lines = [
        f"Where to act first in {content['repository']}.",
        f"Labels with most open issues: {', '.join(labels) or 'none'}; their flows are of {of_days(window)}.",
        f"Oldest open issues: {issues(content['oldest_open_issues'])}.",
        f"Most discussed open issues: {issues(content['most_discussed_open_issues'])}.",
    ]
    return "\n".join((*lines, *reservations(content)))


def issues(rows: Sequence[Row]) -> str:
    """Issues by number, with age and comments."""
    said = [
        f"#{row['issue_number']} ({row['open_age_days']:,.0f} days old, comments: {row['comment_count']:,})"
        for row in rows
    ]
    return ", ".join(said) or "none"
