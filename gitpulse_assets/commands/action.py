"""`gitpulse action`: what `action.yml` runs: a refresh, and its answer where GitHub's workflows show it.

The summary of the run, outputs for later steps, files for whoever uploads them, and one issue that is kept up
to date. How the answer is worded for GitHub stands in `action/`.
"""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gitpulse_assets.action.kept_issue import MARK, kept_number
from gitpulse_assets.action.told import told, unreferred
from gitpulse_assets.answers.errors import NoAnswer
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.charts import badge
from gitpulse_assets.charts.render import picture
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, PARTIAL, WRONG_USE
from gitpulse_assets.commands.refresh import refresh_repos
from gitpulse_assets.github.errors import GitHubError, LimitReached
from gitpulse_assets.github.issue_writer import IssueWriter
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.page.report import issue_tables, report_html, report_story
from gitpulse_assets.page.story import ChartCard, Row
from gitpulse_assets.repo import Repo
from gitpulse_assets.settings import Settings

CHART_PIXELS, CHART_HEIGHT = 900, 320
# Where the runner wants its files; outside a workflow there are none, and what is told is printed.
SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"


@dataclass(frozen=True)
class ActionAnswer:
    """What a workflow run tells: the text, the outputs by name, and the files by name."""

    markdown: str
    outputs: dict[str, str]
    files: dict[str, str]


def run_action(settings: Settings, repo: Repo, folder: Path, *, keeps_issue: bool) -> int:
    """Refresh, tell the answer and return the exit code.

    A limit of GitHub's fails no workflow: what has come is kept, and the next run goes on.
    """
    if keeps_issue and not settings.github_tokens:
        return refused("an issue is kept with a token; set GITHUB_TOKEN", WRONG_USE)
    code = refresh_repos(settings, [repo], is_full=False)
    if code not in (DONE, PARTIAL):
        append(SUMMARY, f"GitPulse could not refresh {repo}; the log of this step says why.\n")
        return code
    if code == PARTIAL:
        say(f"::warning title=GitPulse::{repo} is not refreshed whole; the next run goes on from here")
    try:
        return tell_answer(settings, repo, folder, keeps_issue=keeps_issue, is_whole=code == DONE)
    except LimitReached as error:
        say(f"::warning title=GitPulse::{error}")
        return DONE
    except (GitHubError, LakeError) as error:
        return refused(error, FAILED)
    except OSError as error:
        return refused(f"{folder} cannot be written ({error.strerror}); name another with --out", FAILED)


def tell_answer(settings: Settings, repo: Repo, folder: Path, *, keeps_issue: bool, is_whole: bool) -> int:
    """Write what is published of a repository to where the runner wants it, and into the issue.

    Unless the refresh was `is_whole`, no issue is opened: one that was opened before may not have come yet.
    """
    lake = open_lake(settings, is_writable=False)
    try:
        answer = answer_of(lake, repo)
    except NoAnswer as error:
        append(SUMMARY, f"{error}.\n")
        return DONE
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in answer.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    append(SUMMARY, answer.markdown)
    put_out(answer.outputs | {"folder": str(folder.absolute())})
    if keeps_issue:
        number = kept_number(lake, repo)
        if number is not None or is_whole:
            put_out({"issue": keep(settings, repo, number, answer)})
    return DONE


def put_out(outputs: Mapping[str, str]) -> None:
    """Give later steps of the workflow a value by name."""
    append(OUTPUT, "".join(f"{name}={value}\n" for name, value in outputs.items()))


def append(variable: str, text: str) -> None:
    """Append to the file that a variable of the runner's names; print where there is none."""
    path = os.environ.get(variable)
    if not path:
        say(text.rstrip("\n"))
        return
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)


def answer_of(lake: Lake, repo: Repo) -> ActionAnswer:
    """What is told of a repository; raises NoAnswer."""
    with closing(LakeAnswers(lake)) as answers:
        status = answers.status(repo)

        def compose(asked: RepositoryAnswers) -> ActionAnswer:
            story = report_story(asked)
            files = {
                "badge.svg": badge.svg(story.verdict),
                "chart.svg": picture(titled(story.cards["backlog"]), CHART_PIXELS),
                "report.html": report_html(asked, status, story),
            }
            return ActionAnswer(
                told(story, issue_tables(asked), status.note), outputs_of(story.verdict), files
            )

        return answers.ask(repo, compose)


def titled(card: ChartCard) -> dict[str, object]:
    """The card's chart with its words in it."""
    return card.document | {
        "title": {"text": card.title, "subtitle": card.subtitle, "limit": CHART_PIXELS},
        "height": CHART_HEIGHT,
    }


def outputs_of(verdict: Row) -> dict[str, str]:
    """The verdict for later steps, each a line; a pace that is not known is empty."""
    paces = [verdict[f"pace_{name}per_week"] for name in ("", "low_", "high_")]
    pace, low, high = ("" if value is None else f"{value:.2f}" for value in paces)
    return {
        "direction": verdict["direction"],
        "net_change": str(verdict["net_change"]),
        "pace_per_week": pace,
        "interval": f"{low} to {high}" if low else "",
        "headline": verdict["headline"],
    }


def keep(settings: Settings, repo: Repo, number: int | None, answer: ActionAnswer) -> str:
    """Open the issue that tells the verdict, or rewrite that of the number; return its address."""
    title = f"Issue backlog: {answer.outputs['direction']}"
    body = f"{unreferred(answer.markdown)}\n{MARK}\n"
    with IssueWriter(settings.github_api_url, settings.github_tokens[0]) as writer:
        url = writer.open(repo, title, body) if number is None else writer.rewrite(repo, number, title, body)
    say(f"{repo}: {url} tells the verdict")
    return url
