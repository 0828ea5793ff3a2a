"""Which repositories the morning finds failed: what the last run of each alone came to."""

import itertools
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from gitpulse_assets.runs import records
from gitpulse_assets.runs.history import last_failures
from gitpulse_assets.runs.kinds import REFRESH_JOB, repo_tags
from gitpulse_assets_tests.dagster.conftest import in_range

KEYS = [f"many/r{number:03}" for number in range(60)]


def ended(instance: dg.DagsterInstance, status: str, tags: dict[str, str]) -> str:
    run = dg.DagsterRun(REFRESH_JOB, make_new_run_id(), status=dg.DagsterRunStatus[status], tags=tags)
    return instance.add_run(run).run_id


def test_the_last_run_of_each_alone_says_whether_it_is_left_failed(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(records, "RECORDS_A_QUERY", 2)
    again, mended, by_range, many, refreshed, gone = KEYS[:6]
    for key in (again, again, mended, by_range, many, refreshed, gone):
        ended(instance, "FAILURE", repo_tags(key))
    ended(instance, "SUCCESS", repo_tags(again))
    last = {again: ended(instance, "FAILURE", repo_tags(again))}
    ended(instance, "SUCCESS", repo_tags(mended))
    ended(instance, "SUCCESS", in_range(by_range, by_range))
    last[by_range] = ended(instance, "FAILURE", in_range(by_range, by_range))
    ended(instance, "SUCCESS", in_range(mended, mended))
    # A run of many tells of none by its own end.
    ended(instance, "SUCCESS", in_range(many, KEYS[-1]))
    fresh = {refreshed: datetime.now(UTC) + timedelta(minutes=1), many: datetime.now(UTC) - timedelta(days=1)}
    found = last_failures(instance, [key for key in KEYS if key != gone], fresh)
    assert found.keys() == {again, by_range, many}
    assert {key: found[key] for key in last} == last


def test_the_morning_asks_no_query_for_each_repository(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    """Twenty thousand queries do not fit into a tick, which would begin anew, for ever."""
    for key in KEYS:
        ended(instance, "FAILURE" if key == KEYS[7] else "SUCCESS", repo_tags(key))
    queries, connect = itertools.count(), instance.run_storage.connect
    monkeypatch.setattr(instance.run_storage, "connect", lambda: (next(queries), connect())[1])
    assert last_failures(instance, KEYS, {}).keys() == {KEYS[7]}
    assert next(queries) < 10
