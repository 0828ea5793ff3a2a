"""GitHub's own count: what it repairs in the same run, and when it is not listened to again."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gitpulse_assets.collect import control
from gitpulse_assets.collect.control import ControlTotal, OpenCount, calls_for_full_walk
from gitpulse_assets.collect.session import Session
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo

REPO = Repo("acme", "rocket")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    tokens = [SecretStr("token")]
    with GitHubClient(
        api_url="http://127.0.0.1:1", graphql_url="http://127.0.0.1:1/graphql", tokens=tokens
    ) as client:
        yield Session(client, Lake.open(str(tmp_path)), REPO, "run-1")


def total(before: int, after: int, *, is_quiet: bool = True) -> ControlTotal:
    at = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
    return ControlTotal(OpenCount(before, False, at), OpenCount(after, False, at), is_quiet)


@pytest.mark.parametrize(
    ("counts", "known", "is_called"),
    [
        (total(10, 10), 0, False),
        (total(9, 9), 0, True),
        (total(9, 10), 0, False),
        (total(9, 9, is_quiet=False), 0, False),
        (total(9, 9), 1, False),
        (total(8, 8), 1, True),
    ],
    ids=["equal", "differs", "moving", "not-quiet", "differs-as-before", "differs-more"],
)
def test_a_full_walk_is_called_for_once(
    session: Session, monkeypatch: pytest.MonkeyPatch, counts: ControlTotal, known: int, is_called: bool
):
    monkeypatch.setattr(control, "our_count", lambda *_: 10)
    monkeypatch.setattr(control, "known_difference", lambda *_: known)
    assert calls_for_full_walk(session, counts) is is_called
