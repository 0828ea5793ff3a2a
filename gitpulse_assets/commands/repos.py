"""`gitpulse repos list` and `gitpulse repos check`: who is watched, and whether the list can be followed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, PARTIAL, WRONG_USE
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.silver import REPOSITORY, SYNC_STATE
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import GitHubError, WrongAddress
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.members.looking import unreadable
from gitpulse_assets.pipeline.wrong_input import unfit_lines_at_github
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import github_client, open_lake
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.asking import OF_ONE, list_owner
from gitpulse_assets.watch.membership import is_taken
from gitpulse_assets.watch.state import Member, Sight, membership, sights
from gitpulse_assets.watch.watch_list import WatchList, watch_list

VERDICT_DAYS = 90
HEADINGS = ("repository", "status", "last refresh (UTC)", "90 days", "note")


@dataclass(frozen=True)
class Line:
    """One repository as the list shows it; `refreshed_at` is GitHub's time of the last complete walk."""

    repository: str
    status: str
    refreshed_at: str = ""
    verdict: str = ""
    note: str = ""


def list_repos(settings: Settings, *, as_json: bool) -> int:
    """Print every repository that is watched, was, or was refreshed by hand."""
    try:
        lines = list(repo_lines(open_lake(settings), watch_list(settings)))
    except (SettingsError, LakeError) as error:
        return refused(error, code_of(error))
    if as_json:
        say(json.dumps([asdict(line) for line in lines], indent=2))
    elif not lines:
        say("no repository is known; name some in gitpulse.yaml or GITPULSE_REPOS")
    else:
        say("\n".join(aligned([HEADINGS, *(tuple(asdict(line).values()) for line in lines)])))
    return DONE


def code_of(error: Exception) -> int:
    """The exit code of what keeps the list from being read."""
    return WRONG_USE if isinstance(error, SettingsError) else FAILED


def aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """The rows as lines, each column as wide as its widest text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def repo_lines(lake: Lake, wanted: WatchList) -> Iterator[Line]:
    """One line for each repository, by name; what nobody followed yet is `new`."""
    state, looks = membership(lake.store).load(), sights(lake.store).load().sights
    stored = {repo.key for repo in lake.registered_repos()}
    names = {member.name for member in state.members.values()}
    new = {repo.key for repo in wanted.repos} - set(state.members) - names - stored
    for key in sorted(stored | new | set(state.members)):
        member = state.members.get(key)
        status = member.status if member else "new" if key in new else "by hand"
        note = state.troubles.get(key, "") or noted(key, member, looks.get(key, Sight()))
        refreshed_at, verdict = last_run(lake, Repo.parse(key)) if key in stored else ("", "")
        yield Line(key, status, refreshed_at, verdict, note)
    for name, trouble in sorted(state.troubles.items()):
        if "/" not in name:
            yield Line(f"{name}/*", "trouble", note=trouble)


def noted(key: str, member: Member | None, sight: Sight) -> str:
    """What else is to be said of a member: its present name, who names it, why it waits."""
    if member is None:
        return ""
    parts = [f"now {member.name}" if member.name != key else "", f"from {member.origin}"]
    if sight.failure_count and sight.not_before:
        parts.append(f"failed {sight.failure_count} times, next try {sight.not_before:%Y-%m-%d %H:%M}")
        parts.append(sight.trouble)
    return "; ".join(filter(None, parts))


def last_run(lake: Lake, repo: Repo) -> tuple[str, str]:
    """When the issues were last walked whole or in part, or seen unchanged, and the verdict over 90 days."""
    walks = [
        row.as_of_at
        for row in lake.manifest(repo).rows()
        if row.stream == ISSUES.name and row.status == "complete" and row.as_of_at
    ]
    as_of = max(walks, default=None)
    verdicts = lake.dataset(MART_BACKLOG_VERDICT, repo).to_table(columns=["window_days", "direction"])
    direction = next((r["direction"] for r in verdicts.to_pylist() if r["window_days"] == VERDICT_DAYS), "")
    return (f"{as_of:%Y-%m-%d %H:%M}" if as_of else "", direction)


def check_repos(settings: Settings) -> int:
    """Check the watch list, and ask GitHub about everything it names; print a line for each trouble."""
    try:
        wanted, lake = watch_list(settings), open_lake(settings)
    except (SettingsError, LakeError) as error:
        return refused(error, code_of(error))
    troubles: list[str] = []
    try:
        with github_client(settings) as client:
            for line in checked(client, lake, wanted, troubles):
                say(line)
            cost = client.spending.quota_cost
    except (SettingsError, WrongAddress) as error:
        return refused(error, WRONG_USE)
    except LakeError as error:
        return refused(error, FAILED)
    except GitHubError as error:
        return refused(error, PARTIAL)
    for trouble in troubles:
        say(trouble)
    counts = f"{len(wanted.repos)} repositories and {len(wanted.organizations)} organisations"
    say(f"{counts} checked for {cost} quota units, {len(troubles)} in trouble")
    return FAILED if troubles else DONE


def checked(client: GitHubClient, lake: Lake, wanted: WatchList, troubles: list[str]) -> Iterator[str]:
    """Ask about each name, yielding what is worth knowing and collecting what has to be mended."""
    for repo, origin in wanted.origins.items():
        try:
            if full_name := name_at_github(client, lake, repo):
                yield f"{repo}: is called {full_name} now ({origin}); it is followed, write the new name"
        except OF_ONE as error:
            troubles.append(f"{origin}: {error}")
    for organization in wanted.organizations:
        listing = list_owner(client, organization.owner, None, datetime.now(UTC))
        taken = [found for found in listing.repositories if is_taken(organization, found)]
        if listing.trouble or not taken:
            reason = listing.trouble or "none of its repositories is taken by the patterns"
            troubles.append(f"{organization.name}/*: {reason}")
        else:
            yield f"{organization.name}/*: {len(taken)} of {len(listing.repositories)} repositories"

    followed = {*wanted.origins, *(member.repo for member in membership(lake.store).load().members.values())}
    for repo in sorted(filter(wanted.names, followed)):
        troubles += unfit_lines_at_github(client, lake, repo, wanted.options(repo))
    if CONTRIBUTORS in chosen_subjects():
        troubles += unreadable_members(client, {repo.owner for repo in followed})


def unreadable_members(client: GitHubClient, owners: Iterable[str]) -> Iterator[str]:
    """Ask for the members of each organisation, and say whose cannot be read."""
    for owner in sorted(owners):
        try:
            client.member_count(owner)
        except OF_ONE as error:
            yield unreadable(owner, error)


def name_at_github(client: GitHubClient, lake: Lake, repo: Repo) -> str:
    """GitHub's name for a repository where it differs; free for one that did not change since its refresh."""
    states = lake.dataset(SYNC_STATE, repo).to_table(columns=["stream", "etag"]).to_pylist()
    etag = next((row["etag"] for row in states if row["stream"] == REPOSITORY.name), None)
    answer = client.repository(repo, etag)
    known = lake.dataset(REPOSITORY, repo).to_table(columns=["repository_full_name"]).to_pylist()
    full_name = answer.full_name or (known[0]["repository_full_name"] if known else "")
    return full_name if full_name and full_name.lower() != repo.key else ""
