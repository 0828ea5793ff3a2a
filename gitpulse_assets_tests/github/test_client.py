from datetime import UTC, datetime

import pytest

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.errors import AnswerUnusable, IssuesDisabled

FOUND = {"id": 7, "full_name": "Octo/Demo", "has_issues": True, "open_issues_count": 3, "new_key": 1}


def test_a_repository_is_returned_with_its_own_spelling_and_text(script, answer, repo):
    client, calls = script([answer(FOUND, etag='"a"')])
    found = client.repository(repo)
    assert (found.repository_id, found.full_name, found.open_issues_count) == (7, "Octo/Demo", 3)
    assert (found.is_unchanged, found.moved_to, found.etag) == (False, None, '"a"')
    assert found.payload.startswith(b'{"id":7')
    assert calls.urls == ["/repos/octo/demo"]


def test_a_repository_without_issues(script, answer, repo):
    client, _ = script([answer(FOUND | {"has_issues": False})])
    with pytest.raises(IssuesDisabled, match="octo/demo"):
        client.repository(repo)


def test_a_repository_that_is_something_else(script, answer, repo):
    client, _ = script([answer({"hello": 1})])
    with pytest.raises(AnswerUnusable, match="unexpected form") as caught:
        client.repository(repo)
    assert caught.value.__context__ is None


def test_the_probe_asks_for_the_newest_record(script, answer, repo):
    client, calls = script([answer([{"id": 5, "updated_at": "2024-06-01T00:00:00Z"}], etag='"p"')])
    probe = client.probe(repo, ISSUE_LIST)
    assert calls.urls == ["/repos/octo/demo/issues?state=all&sort=updated&direction=desc&per_page=1"]
    assert (probe.newest.record_id, probe.newest.at) == (5, datetime(2024, 6, 1, tzinfo=UTC))
    assert (probe.is_unchanged, probe.etag) == (False, '"p"')


def test_the_probe_of_an_unchanged_list_keeps_its_etag(script, answer, repo):
    client, _ = script([answer(b"", 304)])
    probe = client.probe(repo, ISSUE_LIST, etag='"p"')
    assert (probe.is_unchanged, probe.etag, probe.newest) == (True, '"p"', None)


def test_the_probe_of_an_empty_list(script, answer, repo):
    client, _ = script([answer([])])
    assert client.probe(repo, ISSUE_LIST).newest is None


def test_the_client_closes_its_connections(script, answer, repo):
    client, _ = script([answer(FOUND)])
    with client as opened:
        opened.repository(repo)
    assert client._http.is_closed


def test_whether_a_token_is_there(script, repo):
    assert script([])[0].has_token(repo)
    assert not script([], tokens=())[0].has_token(repo)
