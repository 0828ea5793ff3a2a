"""The command line `gitpulse`, a function a command.

It reads arguments and hands them to `commands/`, whose modules are imported when they are needed; nothing is
computed here.
"""

import os
import signal
import sys
import warnings
from contextlib import suppress
from datetime import date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gitpulse_assets.commands.exit_codes import WRONG_USE
from gitpulse_assets.github.target import Firehose, Owner, Target
from gitpulse_assets.place import Day, Organization
from gitpulse_assets.repo import OWNER, InvalidRepo, Repo
from gitpulse_assets.settings import Settings, SettingsError, load_settings
from gitpulse_assets.transform.verdict import WINDOWS_DAYS

if TYPE_CHECKING:
    from gitpulse_assets.watch.watch_list import WatchList


class RepoType(click.ParamType):
    """An argument `owner/name`."""

    name = "OWNER/NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Repo:
        """Read the argument; what is no repository is wrong use."""
        try:
            return value if isinstance(value, Repo) else Repo.parse(str(value))
        except InvalidRepo as error:
            self.fail(str(error), param, ctx)


class FeedType(click.ParamType):
    """An argument `owner/name`, or an organisation."""

    name = "OWNER/NAME|ORGANISATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Read the argument; what is neither is wrong use."""
        if isinstance(value, Owner) or OWNER.fullmatch(str(value).lower()):
            return value if isinstance(value, Owner) else Owner(str(value).lower())
        return RepoType().convert(value, param, ctx)


KnownPlace = Repo | Organization | Day


class PlaceType(click.ParamType):
    """An argument `owner/name`, `owner/*` for an organisation's members, or a UTC day of public events."""

    name = "OWNER/NAME|OWNER/*|DAY"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> KnownPlace:
        """Read the argument; what is none of them is wrong use."""
        owner, _, name = str(value).lower().partition("/")
        if name == "*" and OWNER.fullmatch(owner):
            return Organization(owner)
        with suppress(ValueError):
            return value if isinstance(value, Day) else Day(date.fromisoformat(str(value)))
        return RepoType().convert(value, param, ctx)


EXIT_CODES = """\b
Exit codes:
  0    done, and every blocking check passed
  1    a run or a blocking check failed
  2    wrong use or settings
  3    stopped half-way, to be gone on with by the same command
  130  interrupted by Ctrl-C, a hang-up or SIGTERM; the same command goes on
Of several repositories the worst counts, and failed is worse than half-way.
"""


ACCEPT_LOSS = click.option(
    "--accept-loss", is_flag=True, help="Also where that gives fewer records than are published."
)


@click.group("gitpulse", context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="gitpulse-assets", prog_name="gitpulse")
def cli() -> None:
    """Is a repository's open issue backlog growing or shrinking, and what drives it?"""


@cli.command()
@click.argument("repos", nargs=-1, type=RepoType())
@click.option("--lake-url", help="Where to keep the tables: a folder, or s3://bucket/prefix; else asked for.")
def init(repos: tuple[Repo, ...], lake_url: str | None) -> None:
    """Set up and get the first answer.

    Asks for repositories, a token and a place, checks them, says what it costs, writes gitpulse.yaml and
    .env, and refreshes. Without a terminal it takes REPOS and GITHUB_TOKEN as they are.
    """
    from gitpulse_assets.commands.init import set_up

    sys.exit(set_up(repos, lake_url))


@cli.command()
@click.argument("repos", nargs=-1, type=RepoType())
@click.option("--full", is_flag=True, help="Walk the whole issue list again, not only what changed.")
@click.option(
    "--events",
    is_flag=True,
    help="Without a token: collect the history too, 1 request for 100 issue events; says the cost first.",
)
def refresh(repos: tuple[Repo, ...], full: bool, events: bool) -> None:
    """Fetch what changed and rebuild the tables.

    REPOS are owner/name; without any, those of the watch list.
    """
    settings = settings_or_exit()
    chosen = repos or watched_or_exit(settings)
    if not chosen:
        raise click.UsageError(
            "name a repository here, in gitpulse.yaml or in GITPULSE_REPOS; for example microsoft/onnxruntime"
        )
    from gitpulse_assets.commands.refresh import refresh_repos

    sys.exit(refresh_repos(settings, chosen, is_full=full, with_events=events))


@cli.command()
@click.argument("repos", nargs=-1, required=True, type=RepoType())
@ACCEPT_LOSS
def rebuild(repos: tuple[Repo, ...], accept_loss: bool) -> None:
    """Make the tables anew without asking GitHub.

    They are computed from what was received before. It is the way to tables of a new version of GitPulse, and
    out of damaged ones. Refused where they would hold less than the tables that stand. REPOS are owner/name.
    """
    from gitpulse_assets.commands.rebuild import rebuild_repos

    sys.exit(rebuild_repos(settings_or_exit(), repos, accepts_loss=accept_loss))


@cli.command("check")
@click.argument("places", nargs=-1, required=True, type=PlaceType())
def check_lake(places: tuple[KnownPlace, ...]) -> None:
    """Read everything that is stored, and name what is damaged.

    With what is lost for good, and what `gitpulse repair` keeps. PLACES are owner/name, or UTC days of public
    events (2026-03-01).
    """
    from gitpulse_assets.commands.check import check_places

    sys.exit(check_places(settings_or_exit(), places))


@cli.command()
@click.argument("places", nargs=-1, required=True, type=PlaceType())
@ACCEPT_LOSS
def repair(places: tuple[KnownPlace, ...], accept_loss: bool) -> None:
    """Mend what `gitpulse check` names.

    Nothing that can be read is removed, and what cannot is set aside. PLACES are owner/name, or UTC days of
    public events (2026-03-01).
    """
    from gitpulse_assets.commands.repair import repair_places

    sys.exit(repair_places(settings_or_exit(), places, accepts_loss=accept_loss))


@cli.command()
@click.argument("destination", metavar="DEST")
def backup(destination: str) -> None:
    """Copy everything that is stored to a folder or bucket.

    DEST is written as GITPULSE_LAKE_URL is. Runs may be at work meanwhile. Once there is a copy, only what
    changed is copied, and what is no longer stored leaves it.
    """
    from gitpulse_assets.commands.backup import back_up

    sys.exit(back_up(settings_or_exit(), destination))


@cli.command()
@click.argument("source", metavar="SOURCE")
def restore(source: str) -> None:
    """Fill an empty lake from what `gitpulse backup` made.

    SOURCE is written as GITPULSE_LAKE_URL is, which names the lake. Each object is held against its digest.
    """
    from gitpulse_assets.commands.backup import restore_lake

    sys.exit(restore_lake(settings_or_exit(), source))


@cli.command()
def maintain() -> None:
    """Tidy up the tables' storage.

    Finishes what runs that died had begun to publish, removes what they left, thins out what was received
    longer than GITPULSE_RETENTION_DAYS ago, and deletes what Dagster keeps of runs older than
    GITPULSE_RUN_RETENTION_DAYS. Tables stay as they are, but for public events older than
    GITPULSE_EVENT_RETENTION_DAYS.
    """
    from gitpulse_assets.commands.maintain import maintain_lake

    sys.exit(maintain_lake(settings_or_exit()))


@cli.command()
@click.argument("repo", type=RepoType(), envvar="GITHUB_REPOSITORY")
@click.option(
    "--out", default="gitpulse-answer", show_default=True, type=click.Path(file_okay=False, path_type=Path)
)
@click.option("--keep-issue", default=False, type=bool, help="true: keep one issue that tells the verdict.")
def action(repo: Repo, out: Path, keep_issue: bool) -> None:
    """Refresh and answer in a GitHub workflow.

    It is what action.yml runs. The answer goes to the run's summary, to the step's outputs, and as badge,
    chart and report to the folder --out. REPO is the workflow's own (GITHUB_REPOSITORY) unless it is named.
    """
    from gitpulse_assets.commands.action import run_action

    sys.exit(run_action(settings_or_exit(), repo, out, keeps_issue=keep_issue))


@cli.command()
@click.argument("repo", type=RepoType())
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="A past day that ends the windows, UTC.")
@click.option(
    "--window", type=click.Choice([str(days) for days in WINDOWS_DAYS]), help="One window in days; else all."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verdict(repo: Repo, as_of: datetime | None, window: str | None, as_json: bool) -> None:
    """Say whether a backlog grew or shrank."""
    from gitpulse_assets.commands.verdict import print_verdict

    day = as_of.date() if as_of else None
    window_days = int(window) if window else None
    sys.exit(print_verdict(settings_or_exit(), repo, day, window_days, as_json=as_json))


@cli.command()
def demo() -> None:
    """Try it on three generated repositories."""
    from gitpulse_assets.commands.demo import run_demo

    sys.exit(run_demo())


@cli.command()
@click.option(
    "--recorded",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve a folder of recorded data; else generated histories.",
)
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help="Serve the list recorded on this date.")
@click.option("--port", default=8910, show_default=True, type=click.IntRange(0, 65535))
def sandbox(recorded: Path | None, at: datetime | None, port: int) -> None:
    """Serve a stand-in GitHub on 127.0.0.1."""
    from gitpulse_assets.commands.sandbox import serve_sandbox

    sys.exit(serve_sandbox(recorded, at, port))


@cli.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
def ui(port: int) -> None:
    """Open Dagster's UI on 127.0.0.1.

    It shows the runs and tables of this command line, and starts the daemon that runs schedules.
    """
    from gitpulse_assets.commands.ui import run_ui

    sys.exit(run_ui(settings_or_exit(), port))


@cli.command()
@click.argument("repo", type=RepoType())
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; else OWNER-NAME.html."
)
def report(repo: Repo, out: Path | None) -> None:
    """Write a report as one HTML file.

    It needs no network to be opened, and shows what the tables hold now.
    """
    from gitpulse_assets.commands.report import write_report

    sys.exit(write_report(settings_or_exit(), repo, out))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
def serve(host: str, port: int) -> None:
    """Serve the page and the HTTP API.

    Both read the tables and change nothing; the document of the API is at /api/openapi.json.
    """
    from gitpulse_assets.commands.serve import serve as serve_lake

    sys.exit(serve_lake(settings_or_exit(), host, port))


@cli.command()
def mcp() -> None:
    """Serve an assistant's tools on stdin and stdout.

    By the Model Context Protocol, read-only: verdict, flow, swing days, open issues, where to act first.
    `gitpulse serve` has the same at /mcp.
    """
    from gitpulse_assets.commands.mcp import serve_assistant

    sys.exit(serve_assistant(settings_or_exit()))


@cli.group()
def repos() -> None:
    """Say who is watched, and check the watch list."""


@repos.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """Show every repository with its last refresh and verdict.

    Watched, retired (taken off the watch list, data kept), by hand (refreshed without being on it), or new.
    """
    from gitpulse_assets.commands.repos import list_repos

    sys.exit(list_repos(settings_or_exit(), as_json=as_json))


@repos.command()
def check() -> None:
    """Check gitpulse.yaml and GITPULSE_REPOS, and that GitHub knows what they name."""
    from gitpulse_assets.commands.repos import check_repos

    sys.exit(check_repos(settings_or_exit()))


@cli.group()
def events() -> None:
    """Bring public events into the tables."""


@events.command("backfill")
@click.argument("first", metavar="FROM", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("last", metavar="TO", type=click.DateTime(["%Y-%m-%d"]))
def events_backfill(first: datetime, last: datetime) -> None:
    """Bring the hour files of the archives in GITPULSE_ARCHIVES.

    FROM and TO are UTC days, both included. Hours that are there whole cost nothing; others are asked for
    again.
    """
    if last < first:
        raise click.UsageError(f"TO {last:%Y-%m-%d} is before FROM {first:%Y-%m-%d}")
    from gitpulse_assets.commands.events import backfill_days

    sys.exit(backfill_days(settings_or_exit(), first.date(), last.date()))


@events.command("watch")
@click.argument("feeds", nargs=-1, type=FeedType())
@click.option("--once", is_flag=True, help="Poll each feed once, and end.")
@click.option("--firehose", is_flag=True, help="Poll GitHub's public events, too, a sample; needs a token.")
def events_watch(feeds: tuple[Target, ...], once: bool, firehose: bool) -> None:
    """Poll the feeds of repositories and organisations until stopped.

    FEEDS are owner/name, or an organisation; without any, those of the watch list. How often a feed is asked
    follows its pace; a feed in which nothing came costs no quota with a token. What may have been missed is
    told.
    """
    settings = settings_or_exit()
    chosen = feeds or feeds_or_exit(settings)
    if not chosen:
        raise click.UsageError("name a repository here, in gitpulse.yaml or in GITPULSE_REPOS")
    if (firehose or settings.is_firehose_polled) and not settings.has_credential:
        raise click.UsageError("the firehose costs 180 requests an hour and more; set GITHUB_TOKEN")
    from gitpulse_assets.commands.events import watch_feeds

    sample = [Firehose()] if firehose or settings.is_firehose_polled else []
    sys.exit(watch_feeds(settings, [*chosen, *sample], is_once=once))


@cli.command()
@click.argument("metric", metavar="[ID]", required=False)
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; as often as wanted."
)
def kpi(metric: str | None, params: tuple[str, ...]) -> None:
    """Print a metric as CSV, or list them all.

    With how much of the time asked for is whole, on stderr. They are those of `gitpulse serve` at /kpi.
    """
    pairs = [param.partition("=") for param in params]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise click.UsageError(f"--param {wrong[0]}: write NAME=VALUE, for example offset=60")
    from gitpulse_assets.commands.kpi import print_kpi

    sys.exit(print_kpi(settings_or_exit(), metric, {name: value for name, _, value in pairs}))


@cli.command()
@click.argument("repos", nargs=-1, required=True, type=RepoType())
def plan(repos: tuple[Repo, ...]) -> None:
    """Say what a first refresh will cost.

    Requests, GraphQL points, time, and whether this hour's budget suffices (exit code 3 where it does not).
    """
    from gitpulse_assets.commands.plan import plan_repos

    sys.exit(plan_repos(settings_or_exit(), repos))


@cli.command()
@click.argument("repo", required=False, type=RepoType())
@click.option("--person", metavar="LOGIN", help="Take a person out of all repositories instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(repo: Repo | None, person: str | None, yes: bool) -> None:
    """Remove a repository, or a person.

    Of REPO everything goes: raw runs, tables, reports, and its runs and partition in Dagster. Of a person the
    login, the id and what they wrote; what they did stays counted, as the account ghost's.
    """
    from gitpulse_assets.commands.forget import forget_login, forget_repo

    if (repo is None) == (person is None):
        raise click.UsageError("name a repository, or a login with --person; for example --person octocat")
    if repo is not None:
        sys.exit(forget_repo(settings_or_exit(), repo, is_confirmed=yes))
    sys.exit(forget_login(settings_or_exit(), str(person), is_confirmed=yes))


def refuse(error: SettingsError) -> NoReturn:
    """End the command with what is wrong with its settings."""
    from gitpulse_assets.commands.console import refused

    sys.exit(refused(error, WRONG_USE))


def watched_or_exit(settings: Settings) -> list[Repo]:
    """The repositories the watch list names one by one; a wrong list ends the command."""
    return list_or_exit(settings).repos


def feeds_or_exit(settings: Settings) -> list[Target]:
    """The same, and the organisations it names."""
    wanted = list_or_exit(settings)
    return [*wanted.repos, *(Owner(owner) for owner in sorted({one.owner for one in wanted.organizations}))]


def list_or_exit(settings: Settings) -> "WatchList":
    """The watch list; a wrong one ends the command."""
    from gitpulse_assets.watch.watch_list import watch_list

    try:
        return watch_list(settings)
    except SettingsError as error:
        refuse(error)


@cli.command()
@click.option(
    "--dialect", default="duckdb", show_default=True, type=click.Choice(["duckdb"]), help="Whose SQL."
)
def views(dialect: str) -> None:
    """Print SQL views over the tables.

    They read the Parquet files where they lie, in a folder or S3; no key is printed.
    """
    from gitpulse_assets.commands.views import print_views

    sys.exit(print_views(settings_or_exit()))


@cli.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--postgres",
    metavar="URL",
    envvar="GITPULSE_POSTGRES_URL",
    help="Fill a PostgreSQL instead: postgresql://USER@HOST/NAME; password from PGPASSWORD or ~/.pgpass.",
)
def export(file: Path | None, postgres: str | None) -> None:
    """Write all tables into one DuckDB file.

    What has DuckDB 1.2 or newer opens it. What is there already is replaced whole; of PostgreSQL the rows of
    the schema gitpulse.
    """
    from gitpulse_assets.commands.export import export_file, export_postgres

    if (file is None) == (postgres is None):
        raise click.UsageError("name a file, for example lake.duckdb, or a database with --postgres URL")
    if file is not None:
        sys.exit(export_file(settings_or_exit(), file))
    sys.exit(export_postgres(settings_or_exit(), str(postgres)))


@cli.command()
@click.option("--lake-url", help="Where Metabase finds the tables, if not where GITPULSE_LAKE_URL says.")
def metabase(lake_url: str | None) -> None:
    """Provision a Metabase: connection, cards and dashboard.

    What is there already is brought up to date; what people made beside it stays.
    """
    from gitpulse_assets.commands.metabase import provision_metabase

    sys.exit(provision_metabase(settings_or_exit(), lake_url))


@cli.command("alert-test")
def alert_test() -> None:
    """Send one message to each channel of GITPULSE_ALERT_URLS."""
    from gitpulse_assets.commands.alert_test import send_test

    sys.exit(send_test(settings_or_exit()))


def settings_or_exit() -> Settings:
    """The settings; a wrong one ends the command."""
    try:
        return load_settings()
    except SettingsError as error:
        refuse(error)


def interrupt_on_signals() -> None:
    """Have a hang-up and SIGTERM end a command as Ctrl-C does, so that a run is told to have ended.

    However it was started: a script's shell has what it starts in the background ignore SIGINT, and Dagster
    then ignores SIGTERM too. A hang-up that the caller has ignored (`nohup`) stays ignored.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))


def bear_any_character() -> None:
    """Write what the encoding of stdout or stderr cannot hold as an escape (`\\u2713`), and go on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line of this process."""
    # What Dagster writes names private repositories, too.
    os.umask(0o077)
    interrupt_on_signals()
    bear_any_character()
    # Dagster warns of its own preview and beta features on every start; tests pin the ones used here.
    warnings.simplefilter("ignore")
    cli()
