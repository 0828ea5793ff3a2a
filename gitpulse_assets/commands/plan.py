"""`gitpulse plan`: what refreshing repositories for the first time will cost, before anything starts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, PARTIAL, WRONG_USE
from gitpulse_assets.commands.summary import counted
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.sources import ISSUE_COMMENT_LIST, REVIEW_COMMENT_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import GitHubError, WrongAddress
from gitpulse_assets.github.pace import MOST_A_MINUTE
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.looking import unreadable
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import github_client, open_lake
from gitpulse_assets.settings import Settings, SettingsError
from gitpulse_assets.watch.asking import OF_ONE
from gitpulse_assets.watch.budget import (
    Left,
    Size,
    SyncCost,
    by_token,
    first_cost,
    hours_needed,
    members_cost,
)


def plan_repos(settings: Settings, repos: Sequence[Repo]) -> int:
    """Print what each repository costs and whether this hour's budget has it all.

    Returns 0 where it has, 3 where GitHub's limits will have to be waited for, 1 where something cannot be
    refreshed at all. Costs 1 unit of either budget a repository, where conversations are collected 3,
    and 1 an owner.
    """
    try:
        lake = open_lake(settings)
        with github_client(settings) as client:
            return planned(client, lake, repos)
    except (SettingsError, WrongAddress) as error:
        return refused(error, WRONG_USE)
    except (GitHubError, LakeError) as error:
        return refused(error, FAILED)


def planned(client: GitHubClient, lake: Lake, repos: Sequence[Repo]) -> int:
    """Print the cost of each repository and of each token; return the worst exit code."""
    costs: list[tuple[str, SyncCost]] = []
    priced: list[Repo] = []
    owners: dict[str, Repo] = {}
    code = DONE
    for repo in repos:
        try:
            size = size_of(client, repo)
        except OF_ONE as error:
            code = refused(error, FAILED)
            continue
        cost = first_cost(size, has_token=client.has_token(repo))
        say(f"{repo}: {size_words(size)}; {cost_words(cost)}{known_words(lake, repo)}")
        token = client.token_name(repo)
        owners.setdefault(token, repo)
        costs.append((token, cost))
        priced.append(repo)
    if CONTRIBUTORS in chosen_subjects():
        costs += member_costs(client, priced)
    for token, cost in by_token(costs).items():
        code = max(code, told_budget(client, token, owners[token], cost), key=(DONE, PARTIAL, FAILED).index)
    return code


def size_of(client: GitHubClient, repo: Repo) -> Size:
    """Ask how much there is; without a token only the newest number is told, which is at least as much.

    Where conversations are collected, by 2 requests more how many comments there are.
    """
    if client.has_token(repo):
        found = client.repository_size(repo)
        size = Size(found.issue_count, found.pull_request_count)
    else:
        size = Size(client.newest_number(repo), 0, is_upper_bound=True)
    if CONTRIBUTORS not in chosen_subjects():
        return size
    return replace(size, comment_count=comment_count(client, repo))


def member_costs(client: GitHubClient, repos: Iterable[Repo]) -> Iterator[tuple[str, SyncCost]]:
    """Print and yield what each owner's members cost all its repositories together, by token (1 request).

    Members that cannot be read stop no refresh.
    """
    for owner, repo in {repo.owner: repo for repo in repos}.items():
        try:
            count = client.member_count(owner)
        except OF_ONE as error:
            say(unreadable(owner, error))
            continue
        cost = members_cost(count)
        say(f"{owner}: {counted(count, 'member')}; first look: {counted(cost.request_count, 'request')}")
        yield client.token_name(repo), cost


def comment_count(client: GitHubClient, repo: Repo) -> int:
    """Ask how many comments there are, on issues and pull requests and on lines."""
    return sum(client.list_length(repo, source) for source in (ISSUE_COMMENT_LIST, REVIEW_COMMENT_LIST))


def size_words(size: Size) -> str:
    """How much there is, for people."""
    comments = "" if size.comment_count is None else f", {counted(size.comment_count, 'comment')}"
    if size.is_upper_bound:
        return f"at most {size.record_count:,} issues and pull requests{comments}"
    found = f"{counted(size.issue_count, 'issue')} and {counted(size.pull_request_count, 'pull request')}"
    return found + comments


def cost_words(cost: SyncCost) -> str:
    """What a first refresh costs, for people."""
    points = f" and {counted(cost.point_count, 'GraphQL point')}" if cost.point_count else ""
    return f"first refresh: {counted(cost.request_count, 'request')}{points}, {time_words(cost.seconds)}"


def time_words(seconds: float) -> str:
    """Seconds as minutes or hours, for people."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"about {counted(minutes, 'minute')}" if minutes < 120 else f"about {round(minutes / 60)} hours"


def known_words(lake: Lake, repo: Repo) -> str:
    """Say what is there already, of which a refresh pays nothing again."""
    rows = [row for row in lake.manifest(repo).rows() if row.stream == ISSUES.name]
    if any(row.status == "complete" for row in rows):
        return "; it is here already: a refresh costs what changed, --full at most this"
    if any(row.page_count for row in rows):
        pages = sum(row.page_count for row in rows)
        return f"; {counted(pages, 'page')} of it came before, the next run goes on there"
    return ""


def told_budget(client: GitHubClient, token: str, repo: Repo, cost: SyncCost) -> int:
    """Print what the token has left and whether it is enough; return DONE, or PARTIAL where it is not."""
    needed = f"{token}: needs {cost_words(cost).removeprefix('first refresh: ')}"
    limits = client.rate_limits(repo)
    if limits is None:
        say(
            f"{needed}; the server sets no limit, and is asked at most {MOST_A_MINUTE} times a minute: enough"
        )
        return DONE
    core, graphql = limits.core, limits.graphql
    left = Left(core.remaining, core.limit, graphql.remaining, graphql.limit, core.reset)
    hours = hours_needed(cost, left)
    reset = datetime.fromtimestamp(left.reset, UTC)
    points = f" and {left.points:,} of {left.points_an_hour:,} points" if cost.point_count else ""
    enough = "enough" if not hours else f"not enough: it takes {counted(hours, 'further hour')} of the limit"
    say(
        f"{needed}; has {left.requests:,} of "
        f"{left.requests_an_hour:,} requests{points} until {reset:%H:%M} UTC: {enough}"
    )
    if not client.has_token(repo):
        say("without a token there is no GraphQL: no history of reopenings; set GITHUB_TOKEN for it")
    return PARTIAL if hours else DONE
