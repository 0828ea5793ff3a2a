"""29: a GraphQL error whose path is null, and an issue that REST "has" by answering anything with 200.

Reported by the judge of this project; thread not found.
"""

import json

import pytest

from gitpulse_assets.github.departures import MissingIssue
from gitpulse_assets.github.errors import AnswerUnusable, Forbidden, GitHubError, RepositoryNotFound
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import client_of, world_of

REPO = Repo("acme", "rocket")


def told(answer: object) -> GitHubError:
    fault = Fault("status", "/graphql", times=ALWAYS, status=200, body=json.dumps(answer))
    with (
        serve(world_of(REPO.key), faults=[fault]) as sandbox,
        client_of(sandbox, "tok") as client,
        pytest.raises(GitHubError) as refused,
    ):
        client.issue_counts(REPO)
    return refused.value


@pytest.mark.parametrize(
    ("kind", "error"),
    [("NOT_FOUND", RepositoryNotFound), ("FORBIDDEN", Forbidden), (None, AnswerUnusable)],
)
@pytest.mark.parametrize("path", [{"path": None}, {}], ids=["null", "absent"])
def test_29_an_error_without_a_path_is_one_of_the_whole(kind, error, path):
    refused = told({"data": None, "errors": [{"type": kind, "message": "Why it is so"} | path]})
    assert isinstance(refused, error)
    assert "Why it is so" in str(refused)
    assert "unexpected form" not in str(refused)


def test_29_cousin_errors_that_are_null_are_none():
    assert "no reason given" in str(told({"data": None, "errors": None}))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"data": None, "errors": [{"message": None, "path": None, "extensions": None}]}, "no reason given"),
        ({"data": None, "errors": [{"message": "Why it is so", "type": None, "locations": None}]}, "Why it"),
    ],
    ids=["nothing told", "the rest null"],
)
def test_29_cousin_an_error_whose_other_parts_are_null(answer, words):
    refused = told(answer)
    assert words in str(refused)
    assert "unexpected form" not in str(refused)


def test_29_cousin_an_answer_with_neither_data_nor_errors():
    assert "no reason given" in str(told({}))


@pytest.mark.parametrize(
    "body",
    ["[]", "{}", "null", '"ok"', '{"id": "x"}', '{"id": 1, "number": 77}', '{"id": 9, "number": 9999}'],
)
def test_29_a_200_that_is_not_the_issue_proves_nothing(body):
    fault = Fault("status", "/issues/9999", times=ALWAYS, status=200, body=body)
    with serve(world_of(REPO.key), faults=[fault]) as sandbox, client_of(sandbox, "tok") as client:
        found = client.repository(REPO)
        (departure,) = client.departures(REPO, found.repository_id or 0, [MissingIssue(1, None, 9999)])
    assert (departure.kind, departure.evidence) == ("undecided", "rest_200")


def test_29_an_issue_that_is_there_is_present():
    with serve(world_of(REPO.key)) as sandbox, client_of(sandbox, "tok") as client:
        found = client.repository(REPO)
        repository = sandbox.world.repository(REPO.key)
        assert repository is not None
        number, issue = next(iter(repository.issues.items()))
        asked = MissingIssue(issue.issue_id, None, number)
        (departure,) = client.departures(REPO, found.repository_id or 0, [asked])
    assert (departure.kind, departure.evidence) == ("present", "rest_200")
