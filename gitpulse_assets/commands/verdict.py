"""`gitpulse verdict`: the answer of `mart_backlog_verdict` as words or JSON, as of now or of a past day."""

import datetime as dt
import json
from contextlib import closing
from typing import Any

import click
import pyarrow as pa

from gitpulse_assets.answers.errors import NoAnswer, NotSettled
from gitpulse_assets.answers.lake_answers import LakeAnswers, seen_unchanged_at
from gitpulse_assets.answers.published import Published, has_words, open_published
from gitpulse_assets.answers.relations import relations
from gitpulse_assets.answers.window import Window
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.repo import Repo
from gitpulse_assets.settings import Settings
from gitpulse_assets.transform.incomplete import incomplete_slices
from gitpulse_assets.transform.verdict_table import build_verdicts


class DayUnknown(Exception):
    """The history does not cover the day asked for; str() is one line that says what it covers."""


def print_verdict(
    settings: Settings, repo: Repo, as_of: dt.date | None, window_days: int | None, *, as_json: bool
) -> int:
    """Print the verdict of one window, or of all; return the exit code."""
    try:
        lake = open_lake(settings, is_writable=False)
        with lake.reading(repo):
            rows = verdict_rows(lake, repo, as_of)
            seen = "" if as_json or as_of else seen_line(lake, repo) + act_first_line(lake, repo)
    except (LakeError, NoAnswer) as error:
        return refused(error, FAILED)
    except DayUnknown as error:
        return refused(error, WRONG_USE)
    if not rows:
        return refused(f"nothing is known of {repo} yet; run gitpulse refresh {repo}", FAILED)
    chosen = [row for row in rows if window_days in (None, row["window_days"])]
    say(json.dumps(chosen, indent=2, default=str) if as_json else words(chosen) + seen)
    return DONE


def seen_line(lake: Lake, repo: Repo) -> str:
    """Say that GitHub was looked at since and had not changed; empty where the last walk found something."""
    silver = lake.commit("silver", repo)
    seen_at = silver and seen_unchanged_at(lake.manifest(repo).rows(), silver)
    return f"\n\nSeen unchanged {seen_at:%Y-%m-%d %H:%M} UTC." if seen_at else ""


def act_first_line(lake: Lake, repo: Repo) -> str:
    """Say who waits for an answer; empty where nobody chose to know, or it was not collected yet."""
    if CONTRIBUTORS not in chosen_subjects():
        return ""
    with closing(LakeAnswers(lake)) as answers:
        try:
            waiting = answers.ask(repo, lambda of: of.waiting())
        except NoAnswer:
            return ""
    return "\n".join(
        [f"\n\nWhere to act first: {waiting.said}", *(f"Not known: {gap}." for gap in waiting.gaps)]
    )


def words(rows: list[dict[str, Any]]) -> str:
    """Return the windows' answers for people."""
    return "\n\n".join(f"{row['window_days']} days: {answer(row)}" for row in rows)


def answer(row: dict[str, Any]) -> str:
    """The paragraph, its beginning in bold where a terminal shows it."""
    direction, opening = (click.style(text, bold=True) for text in (row["direction"].upper(), row["opening"]))
    return f"{direction}\n{opening} {row['explanation']}"


def verdict_rows(lake: Lake, repo: Repo, as_of: dt.date | None) -> list[dict[str, Any]]:
    """Read the published verdicts, or compute those whose windows end on a past day.

    Empty where nothing was published. Raises DayUnknown for a day outside the history, NotSettled for a
    past day while the marts are not those of the ledger.
    """
    rows = lake.dataset(MART_BACKLOG_VERDICT, repo).to_table().to_pylist()
    if not rows or (as_of is None and all(map(has_words, rows))):
        return rows
    published = open_published(lake, repo)
    if as_of is None:
        return verdicts_at(published, published.as_of_at).to_pylist()
    if not published.is_settled:
        raise NotSettled(repo)
    refuse_unknown_day(published, as_of)
    return verdicts_at(published, Window(as_of, as_of).end_at).to_pylist()


def refuse_unknown_day(published: Published, as_of: dt.date) -> None:
    """Raise DayUnknown where the history does not cover a day whole."""
    first, last = published.first_date, published.last_complete_date
    if not first <= as_of <= last:
        known = f"its history covers {first} to {last}" if first <= last else "no complete day of it is known"
        raise DayUnknown(f"{published.repo} has no verdict as of {as_of}: {known}")


def verdicts_at(published: Published, as_of_at: dt.datetime) -> pa.Table:
    """Compute the verdicts whose windows end with the last day that was over at a moment."""
    with connect() as database, relations(database, published) as made:
        made.whole()
        return build_verdicts(made.con, as_of_at, incomplete_slices(made.con))
