"""ETags: a known answer costs a 304, a changed lake is never hidden by one."""

from datetime import datetime

import pytest

from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.serve.replies import is_known
from gitpulse_assets_tests.answer_lakes import ROCKET, copy_filled, publish, sync

SUMMARY = "/api/repository/acme/rocket/summary"
ISSUES = "/api/repository/acme/rocket/issues"
PATHS = (SUMMARY, ISSUES, "/api/repository/acme/rocket/daily-flow", "/api/repositories")


@pytest.mark.parametrize("path", PATHS)
def test_a_known_answer_is_not_sent_again(client, path):
    first = client.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


def test_another_question_or_format_has_another_tag(client):
    requests = [{}, {"window": "28"}, {"window": "180"}, {"label": "performance"}, {"from": "2026-01-01"}]
    tags = [client.get(SUMMARY, params=parameters).headers["etag"] for parameters in requests]
    tags += [
        client.get(ISSUES, params={"format": name}).headers["etag"] for name in ("json", "csv", "parquet")
    ]
    assert len(set(tags)) == len(tags)
    assert (
        client.get(ISSUES, headers={"Accept": "text/csv"}).headers["etag"]
        != client.get(ISSUES).headers["etag"]
    )


def test_a_changed_lake_has_a_new_tag_at_once(make_client, pytestconfig, tmp_path):
    place = tmp_path / "lake"
    copy_filled(pytestconfig, place, 60, 90)
    lake = Lake.open(str(place))
    client = make_client(place)
    before = [client.get(path) for path in PATHS]
    tables = {table: lake.dataset(table, ROCKET).to_table() for table in MART_TABLES}
    tables[MART_ISSUE_LIFECYCLE] = tables[MART_ISSUE_LIFECYCLE].slice(1)
    publish(lake, "gold", ROCKET, tables)
    after = [
        client.get(path, headers={"If-None-Match": was.headers["etag"]})
        for path, was in zip(PATHS, before, strict=True)
    ]
    assert [response.status_code for response in after] == [200] * 4
    assert after[1].json()["total_count"] == before[1].json()["total_count"] - 1


def test_an_answer_names_the_moment_of_its_own_figures(make_client, pytestconfig, tmp_path, monkeypatch):
    """What is published between reading the status and the tables must not be kept under the older moment."""
    place = tmp_path / "lake"
    world = copy_filled(pytestconfig, place, 60, 90)
    lake = Lake.open(str(place))
    client = make_client(place)
    answers = client.app.state.answers
    status = answers.status

    def then_publish(repo):
        told = status(repo)
        world.advance(seconds=86_400)
        sync(lake, world, ROCKET, place)
        return told

    monkeypatch.setattr(answers, "status", then_publish)
    told = client.get(SUMMARY).json()["as_of_at"]
    newest = answers.ask(ROCKET, lambda asked: asked.published.as_of_at)
    assert datetime.fromisoformat(told) == newest


def test_large_answers_are_compressed_where_that_is_understood(client):
    plain = client.get(ISSUES, headers={"Accept-Encoding": "identity"})
    packed = client.get(ISSUES, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 3
    assert packed.json() == plain.json()
    assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize(
    ("given", "is_same"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
        ("a", False),
    ],
)
def test_tags_are_compared_weakly(given, is_same):
    assert is_known('W/"a"', given) == is_same
