"""The one issue that is written at GitHub: sent once, and no token in what is said of a failure."""

import pytest
from pydantic import SecretStr

from gitpulse_assets.github.errors import (
    AnswerUnusable,
    BadToken,
    Forbidden,
    GitHubError,
    LimitReached,
    NetworkDown,
)
from gitpulse_assets.github.issue_writer import IssueWriter
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.world import World

REPO, GONE = Repo("acme", "rocket"), Repo("acme", "gone")
TOKEN = "token_that_must_never_show"


@pytest.fixture(scope="module")
def sandbox():
    world = World()
    world.add_repository(REPO.key)
    with serve(world) as running:
        yield running


def written(sandbox, token: str = TOKEN, repo: Repo = REPO) -> str:
    with IssueWriter(sandbox.base_url, SecretStr(token)) as writer:
        return writer.open(repo, "title", "text")


def test_an_issue_is_opened_and_rewritten(sandbox):
    address = written(sandbox)
    number = int(address.rpartition("/")[2])
    with IssueWriter(sandbox.base_url, SecretStr(TOKEN)) as writer:
        assert writer.rewrite(REPO, number, "another title", "another text") == address
    issue = sandbox.world.repository(REPO.key).issues[number]
    assert (issue.title, issue.body) == ("another title", "another text")


@pytest.mark.parametrize(
    ("token", "repo", "kind"),
    [("bad_token", REPO, BadToken), ("read_token", REPO, Forbidden), (TOKEN, GONE, Forbidden)],
)
def test_who_may_not_write_is_told_which_permission_is_lacking(sandbox, token, repo, kind):
    with pytest.raises(kind, match=r"permissions: \{issues: write\}") as caught:
        written(sandbox, token, repo)
    assert token not in str(caught.value)


def test_a_limit_is_no_missing_permission(sandbox):
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000000"}
    fault = Fault("status", match="/issues", status=403, body="{}", headers=headers)
    sandbox.app.faults[:] = [fault]
    with pytest.raises(LimitReached, match="limit is reached"):
        written(sandbox)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", match="/issues", times=ALWAYS, status=500, body=f"no {TOKEN}"), AnswerUnusable),
        (Fault("reset", match="/issues", times=ALWAYS), NetworkDown),
    ],
    ids=["500", "reset"],
)
def test_a_failure_is_told_without_the_token_and_nothing_is_sent_twice(sandbox, fault, kind):
    """An answer that was lost may stand for an issue that was opened."""
    sandbox.app.log.clear()
    sandbox.app.faults[:] = [fault]
    try:
        with pytest.raises(kind) as caught:
            written(sandbox)
    finally:
        sandbox.app.faults.clear()
    error: BaseException | None = caught.value
    assert isinstance(error, GitHubError)
    while error is not None:
        assert TOKEN not in repr(error)
        error = error.__cause__ or error.__context__
    assert len(sandbox.app.log) == 1
