"""9: GitHub Enterprise Server with rate limiting switched off (actions/stale#1227, janeklb/gh-search#61)."""

from datetime import UTC, datetime

import pytest

from gitpulse_assets.commands.exit_codes import DONE
from gitpulse_assets.commands.plan import planned
from gitpulse_assets.github.limits import end_of_budget
from gitpulse_assets.github.pace import MOST_A_MINUTE, RequestPace
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import client_of, world_of

KEY = "acme/rocket"


@pytest.fixture
def unlimited():
    with serve(world_of(KEY), limits=Limits(are_on=False)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("tokens", [("tok",), ("tok", "other"), ()])
def test_09_the_plan_says_that_there_is_no_limit(unlimited, tokens, tmp_path, capsys):
    with client_of(unlimited, *tokens) as client:
        assert planned(client, Lake(FolderStore(tmp_path)), [Repo.parse(KEY)]) == DONE
    out = capsys.readouterr().out
    assert f"the server sets no limit, and is asked at most {MOST_A_MINUTE} times a minute: enough" in out


def test_09_that_no_limit_is_announced_is_said_once(unlimited, caplog):
    with client_of(unlimited, "tok") as client:
        for _ in range(3):
            client.repository(Repo.parse(KEY))
    told = [record.message for record in caplog.records if "announces no rate limit" in record.message]
    assert told == [f"127.0.0.1 announces no rate limit; at most {MOST_A_MINUTE} requests a minute are sent"]


def test_09_cousin_nobody_is_counted_here(unlimited, tmp_path, capsys):
    """The words of a server that counts all but this user (hub4j/github-api#78)."""
    words = '{"message": "No rate limit for white listed users"}'
    unlimited.app.faults.append(Fault("status", "/rate_limit", times=ALWAYS, status=404, body=words))
    with client_of(unlimited, "tok") as client:
        assert planned(client, Lake(FolderStore(tmp_path)), [Repo.parse(KEY)]) == DONE
    assert "sets no limit" in capsys.readouterr().out


def test_09_cousin_graphql_tells_no_cost(unlimited):
    with client_of(unlimited, "tok") as client:
        assert client.issue_counts(Repo.parse(KEY)).open_issue_count >= 0
        assert list(client.repository_lifecycles(Repo.parse(KEY)))
        assert client.spending.quota_remaining is None


@pytest.mark.parametrize("reset", [None, "", "never", "-1"])
def test_09_cousin_a_budget_without_an_end_is_none_to_wait_for(reset):
    """A proxy that lets only a part of the headers through."""
    headers = {"x-ratelimit-remaining": "0"} | ({} if reset is None else {"x-ratelimit-reset": reset})
    assert end_of_budget(headers, datetime(2026, 7, 1, tzinfo=UTC)) is None


def test_09_and_26_never_more_than_github_takes_in_any_minute():
    """The pace is the same where limits are announced: 900 a minute are what GitHub refuses beyond."""
    now = 1000.0
    pace = RequestPace(lambda: now)
    times: list[float] = []
    longest = 0.0
    for _ in range(5_000):
        seconds = pace.take()
        assert isinstance(seconds, float)
        longest = max(longest, seconds)
        now += seconds + 0.005
        times.append(now)
    busiest = max(
        sum(1 for later in times[start : start + 1000] if later - times[start] < 60)
        for start in range(0, 4_000, 50)
    )
    assert busiest <= MOST_A_MINUTE < 900
    assert longest < 0.5
    assert times[600] - times[0] < 10
