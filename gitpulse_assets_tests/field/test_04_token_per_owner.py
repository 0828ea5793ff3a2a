"""4: several tokens, each for some owners only; thread not found (mislav/hub#3021 tells of one)."""

import logging
from itertools import chain

import pytest

from gitpulse_assets.github.departures import MissingIssue
from gitpulse_assets.github.errors import BadToken, Forbidden, RepositoryNotFound
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault, sso_required
from gitpulse_assets.sandbox.privacy import Privacy
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import client_of, installed, names, world_of

OF_A = [f"owner-a/r{number}" for number in range(4)]
OF_B = [f"owner-b/r{number}" for number in range(4)]
READERS = {key: frozenset({"tok-a"}) for key in OF_A} | {key: frozenset({"tok-b"}) for key in OF_B}


@pytest.fixture
def private():
    with serve(world_of(*OF_A, *OF_B), privacy=Privacy(dict(READERS))) as sandbox:
        yield sandbox


def test_04_every_private_repository_is_read_with_its_owners_token(private):
    with client_of(private, "tok-a", "tok-b") as client:
        for key in chain.from_iterable(zip(OF_A, OF_B, strict=True)):
            repo = Repo.parse(key)
            assert client.issue_counts(repo).open_issue_count >= 0
            assert names(client, key) == [key]
            assert client.token_name(repo) == ("token 1 of 2" if key in OF_A else "token 2 of 2")


def test_04_what_works_is_remembered_for_the_owner(private):
    with client_of(private, "tok-a", "tok-b") as client:
        names(client, *OF_A, *OF_B)
        names(client, *OF_A, *OF_B)
    assert sum(line.status == 404 for line in private.app.log) <= 2


@pytest.mark.parametrize("tokens", [("tok-a", "tok-b"), ("tok-b", "tok-a")])
def test_04_an_etag_stays_with_its_token(private, tokens):
    with client_of(private, *tokens) as client:
        etags = {key: client.repository(Repo.parse(key)).etag for key in OF_A}
    with client_of(private, *tokens) as client:
        assert all(client.repository(Repo.parse(key), etag).is_unchanged for key, etag in etags.items())


def test_04_what_no_token_sees_is_not_found_after_each_was_asked(private):
    private.app.privacy.readers[OF_A[0]] = frozenset()
    with client_of(private, "tok-a", "tok-b") as client, pytest.raises(RepositoryNotFound):
        names(client, OF_A[0])
    assert {line.token for line in private.app.log} == {"tok-a", "tok-b"}


def test_04_a_repository_that_its_token_loses_goes_to_the_other(private):
    with client_of(private, "tok-a", "tok-b") as client:
        names(client, *OF_A)
        private.app.privacy.readers[OF_A[0]] = frozenset({"tok-b"})
        assert names(client, *OF_A) == OF_A


@pytest.mark.parametrize("bad", [("bad-token", "tok-b"), ("tok-b", "bad-token")])
def test_04_cousin_a_token_that_ended_is_named_and_the_other_asked(private, bad, caplog):
    with client_of(private, *bad) as client:
        assert names(client, *OF_B) == OF_B
    told = [record.message for record in caplog.records if "does not accept token" in record.message]
    assert len(told) <= 1


def test_04_cousin_where_all_tokens_ended_one_is_named(private):
    with client_of(private, "bad-1", "bad-2") as client, pytest.raises(BadToken, match="of 2"):
        names(client, OF_B[0])


@pytest.mark.parametrize("skip", [0, 1], ids=["first", "second"])
def test_04_cousin_the_refusal_that_says_most_is_told(private, skip):
    """One token is not let in by single sign-on, the other sees nothing: the address is worth more."""
    private.app.privacy.readers[OF_A[0]] = frozenset()
    private.app.faults.append(sso_required("https://example.org/sso", match=OF_A[0]))
    private.app.faults[0].skip = skip
    with (
        client_of(private, "tok-a", "tok-b") as client,
        pytest.raises(Forbidden, match=r"https://example\.org/sso"),
    ):
        names(client, OF_A[0])


def test_04_cousin_an_app_that_is_not_installed_leaves_the_repository_to_the_token():
    readers = {"owner-b/r0": frozenset({"tok-b"})}
    with (
        serve(
            world_of("owner-b/r0"), installations=installed({"zeta": 11}), privacy=Privacy(readers)
        ) as sandbox,
        client_of(sandbox, "tok-b", github_app=True) as client,
    ):
        for _ in range(2):
            assert names(client, "owner-b/r0") == ["owner-b/r0"]
        assert client.token_name(Repo.parse("owner-b/r0")) == "token 1 of 1"
        assert not client.has_renewed_token(Repo.parse("owner-b/r0"))


def test_04_a_missing_issue_is_no_reason_to_leave_a_token(private, caplog):
    caplog.set_level(logging.WARNING)
    repo = Repo.parse(OF_A[0])
    with client_of(private, "tok-a", "tok-b") as client:
        found = client.repository(repo)
        (departure,) = client.departures(repo, found.repository_id or 0, [MissingIssue(1, None, 9999)])
        assert departure.kind == "unknown"
        assert client.token_name(repo) == "token 1 of 2"


@pytest.mark.parametrize(
    "field",
    [
        "repository.issues.nodes",
        "repository.issues.nodes.timelineItems",
        "repository.issues.nodes.timelineItems.nodes",
    ],
)
def test_04_08_what_one_token_is_forbidden_at_any_depth_the_other_is_asked_for(field):
    """Whichever of them is asked first."""
    with serve(world_of("owner-a/r0")) as sandbox:
        sandbox.app.faults.append(
            Fault("forbidden_field", "/graphql", fields=(field,), token="tok-a", times=ALWAYS)
        )
        for tokens in (("tok-a", "tok-b"), ("tok-b", "tok-a")):
            with client_of(sandbox, *tokens) as client:
                batches = list(client.repository_lifecycles(Repo.parse("owner-a/r0")))
            assert [len(batch.issues) for batch in batches] == [5]


@pytest.mark.parametrize(
    ("field", "is_other_blind"),
    [("nodes", False), ("nodes.timelineItems", False), ("nodes", True), ("nodes.timelineItems", True)],
)
def test_04_08_given_issues_that_one_token_is_forbidden_the_other_is_asked_for(field, is_other_blind, caplog):
    """A token that sees no such nodes says nothing against the one that is forbidden them."""
    repo = Repo.parse("owner-a/r0")
    with serve(world_of("owner-a/r0")) as sandbox, client_of(sandbox, "tok-a", "tok-b") as client:
        ids = [one.node_id for batch in client.repository_lifecycles(repo) for one in batch.issues]
        forbidden = Fault("forbidden_field", "/graphql", fields=(field,), token="tok-a", times=ALWAYS)
        sandbox.app.faults.append(forbidden)
        if is_other_blind:
            sandbox.app.faults.append(Fault("unseen_nodes", "/graphql", token="tok-b", times=ALWAYS))
        sandbox.app.log.clear()
        if is_other_blind and field != "nodes":
            with pytest.raises(Forbidden, match=r"nodes\.0\.timelineItems of owner-a/r0 .*permission Issues"):
                list(client.lifecycles(repo, ids))
            return
        (batch,) = client.lifecycles(repo, ids)
    assert len(batch.issues) == (0 if is_other_blind else 5)
    assert {node.reason for node in batch.missing} == ({"forbidden"} if is_other_blind else set())
