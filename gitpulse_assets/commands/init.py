"""`gitpulse init`: from nothing to the first answer about one's own repositories.

It asks for what nobody said yet, checks it, says what it will cost, writes `gitpulse.yaml` and `.env`, and
refreshes. Without a terminal it takes what was said, or says what is missing.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click
import yaml

from gitpulse_assets.chosen import ENV_FILE
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, PARTIAL, WRONG_USE
from gitpulse_assets.commands.plan import planned
from gitpulse_assets.commands.refresh import refresh_repos
from gitpulse_assets.commands.verdict import print_verdict
from gitpulse_assets.github.errors import BadToken, GitHubError, WrongAddress
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.repo import InvalidRepo, Repo
from gitpulse_assets.resources import github_client, open_lake
from gitpulse_assets.settings import Settings, SettingsError, load_settings
from gitpulse_assets.watch.watch_list import DEFAULT_FILES

WATCH_FILE = DEFAULT_FILES[0]
TOKEN, LAKE = "GITHUB_TOKEN", "GITPULSE_LAKE_URL"
# Who owns the files reads them: the one holds a token, and both may name private repositories.
PRIVATE = 0o600
TOKEN_ADVICE = (
    "A token that may read the repositories' issues, pull requests and metadata (a fine-grained one does; \n"
    "none is needed for public ones, but GitHub then allows 60 requests an hour and tells no reopenings)."
)


@dataclass(frozen=True)
class Choice:
    """What is to be set up; an empty token is none, `lake_url` is written as GITPULSE_LAKE_URL is."""

    repos: tuple[Repo, ...]
    token: str
    lake_url: str


class Missing(Exception):
    """Something was not said and there is nobody to ask; str() says what, and how to say it."""


def set_up(repos: Sequence[Repo], lake_url: str | None) -> int:
    """Set up, and return the exit code; Ctrl-C at a question ends it before anything is written."""
    try:
        return asked_and_done(repos, lake_url)
    except click.Abort:
        return refused("interrupted; nothing was written", INTERRUPTED)


def asked_and_done(repos: Sequence[Repo], lake_url: str | None) -> int:
    """Ask, check, write and refresh; nothing is written before all of it is right. Raises click.Abort."""
    try:
        choice = asked(repos, lake_url)
        for path in (WATCH_FILE, Path(ENV_FILE)):
            may_be_written(path, choice)
    except Missing as error:
        return refused(error, WRONG_USE)
    code, settings = checked(choice)
    if settings is None:
        return code
    if has_terminal() and not click.confirm("Write the files and refresh now?", default=True):
        return refused("nothing was written", WRONG_USE)
    try:
        write_files(choice)
    except OSError as error:
        return refused(f"{error.filename} cannot be written ({error.strerror})", FAILED)
    code = refresh_repos(settings, choice.repos, is_full=False)
    return max(code, answers(settings, choice.repos)) if code in (DONE, PARTIAL) else code


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def asked(repos: Sequence[Repo], lake_url: str | None) -> Choice:
    """What was said, and of the rest what somebody says now; raises Missing."""
    if not has_terminal():
        if not repos:
            raise Missing(
                "there is no terminal to ask on; name the repositories: gitpulse init OWNER/NAME ..., "
                "and set GITHUB_TOKEN where one is needed"
            )
        return Choice(tuple(repos), "", lake_url or "")
    chosen = tuple(repos) or ask_until("Repositories (owner/name, several by blanks)", read_repos)
    if os.environ.get(TOKEN):
        say(f"{TOKEN} is taken from the environment, and not written to {ENV_FILE}")
    token = "" if os.environ.get(TOKEN) else ask_token()
    place = lake_url or ("" if os.environ.get(LAKE) else ask_place())
    return Choice(chosen, token, place)


def ask_until(words: str, read: Callable[[str], tuple[Repo, ...]]) -> tuple[Repo, ...]:
    """Ask until the answer can be read."""
    while True:
        try:
            return read(click.prompt(words))
        except InvalidRepo as error:
            refused(error, WRONG_USE)


def read_repos(text: str) -> tuple[Repo, ...]:
    """The repositories of a line; raises InvalidRepo."""
    return tuple(dict.fromkeys(Repo.parse(name) for name in text.replace(",", " ").split()))


def ask_token() -> str:
    """Ask for a token, which is not shown; empty for none."""
    say(TOKEN_ADVICE)
    return click.prompt(
        "Token (not shown; Enter for none)", default="", show_default=False, hide_input=True
    ).strip()


def ask_place() -> str:
    """Ask where the tables shall lie; empty for the default."""
    default = ".gitpulse/lake"
    place = click.prompt("Where to keep the tables (a folder, or s3://bucket/prefix)", default=default)
    return "" if place == default else place


def may_be_written(path: Path, choice: Choice) -> None:
    """Ask before a file is replaced; raises Missing where it must stay."""
    if not path.exists() or not content_of(path, choice):
        return
    advice = f"{path} is there already; add to it by hand, or move it away"
    if not has_terminal() or not click.confirm(f"{path} is there already. Replace it?", default=False):
        raise Missing(advice)


def checked(choice: Choice) -> tuple[int, Settings | None]:
    """Hold the choice against GitHub and the storage, and say what it costs; no settings where it fails."""
    while True:
        try:
            settings = chosen_settings(choice)
            with github_client(settings) as client:
                code = planned(client, open_lake(settings), choice.repos)
        except BadToken as error:
            refused(error, FAILED)
            if not has_terminal():
                return WRONG_USE, None
            choice = replace(choice, token=ask_token())
            continue
        except (SettingsError, WrongAddress) as error:
            return refused(error, WRONG_USE), None
        except (GitHubError, LakeError) as error:
            return refused(error, FAILED), None
        return (FAILED, None) if code == FAILED else (code, settings)


def chosen_settings(choice: Choice) -> Settings:
    """The settings as they will be once the files are written; raises SettingsError."""
    os.environ.update(lines_of(choice))
    return load_settings()


def lines_of(choice: Choice) -> dict[str, str]:
    """What `.env` has to say: only what is not said elsewhere."""
    return {name: value for name, value in ((TOKEN, choice.token), (LAKE, choice.lake_url)) if value}


def content_of(path: Path, choice: Choice) -> str:
    """What is to stand in one of the files; empty for a file that is not needed."""
    if path == WATCH_FILE:
        return yaml.safe_dump({"repositories": [repo.key for repo in choice.repos]})
    return "".join(f"{name}={quoted(value)}\n" for name, value in lines_of(choice).items())


def quoted(value: str) -> str:
    """A value as `.env` files take any text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def write_files(choice: Choice) -> None:
    """Write the files that are needed, for their owner alone."""
    for path in (WATCH_FILE, Path(ENV_FILE)):
        content = content_of(path, choice)
        if content:
            with suppress(FileNotFoundError):
                path.unlink()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
                file.write(content)
            say(f"{path} is written, for you alone")


def answers(settings: Settings, repos: Sequence[Repo]) -> int:
    """Print the verdicts and what can be done next; return the worst exit code."""
    codes = []
    for repo in repos:
        say("")
        codes.append(print_verdict(settings, repo, None, None, as_json=False))
    say("\nNext: gitpulse serve shows it as a page, gitpulse refresh brings it up to date.")
    return max(codes)
