"""The client against the stand-in GitHub over real connections."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import EVENT_LIST, ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.departures import MissingIssue
from gitpulse_assets.github.detours import KnownPage
from gitpulse_assets.github.errors import (
    BadToken,
    CursorRefused,
    IssuesDisabled,
    LimitReached,
    RepositoryNotFound,
)
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve

HELLO = Repo("octo-org", "hello")
OLD = Repo("octo-org", "old-hello")
PLANS = [
    HistoryPlan("Octo-Org/Hello", issue_count=320, day_count=100, former_names=("octo-org/old-hello",)),
    HistoryPlan("Octo-Org/Closed", issue_count=5, day_count=20, has_issues=False),
]


@pytest.fixture
def sandbox():
    with serve(generate(PLANS)) as running:
        yield running


@pytest.fixture
def connect(sandbox):
    """Open clients on the sandbox; they never wait."""
    opened = []

    def build(tokens=("good-token",), sleep=lambda _: None, **options):
        client = GitHubClient(
            api_url=sandbox.base_url,
            graphql_url=f"{sandbox.base_url}/graphql",
            tokens=[SecretStr(token) for token in tokens],
            sleep=sleep,
            **options,
        )
        opened.append(client)
        return client

    yield build
    for client in opened:
        client.__exit__()


def listed_ids(sandbox):
    return [issue.issue_id for issue in sandbox.world.repository("octo-org/hello").listed]


def record_ids(pages):
    return [json.loads(record)["id"] for page in pages for record in page.records]


def test_a_full_walk_brings_every_record_once_in_as_many_requests_as_pages(sandbox, connect):
    client = connect()
    ids = record_ids(client.pages(HELLO, ISSUE_LIST))
    assert sorted(ids) == sorted(listed_ids(sandbox))
    assert client.spending.request_count == client.spending.quota_cost == -(-len(ids) // 100)
    assert client.spending.quota_remaining == 5000 - client.spending.quota_cost


def test_a_walk_is_resumed_where_it_stopped(sandbox, connect):
    pages = connect().pages(HELLO, ISSUE_LIST)
    first, second = next(pages), next(pages)
    rest = connect().pages(HELLO, ISSUE_LIST, start_url=second.next_url)
    assert sorted(record_ids([first, second, *rest])) == sorted(listed_ids(sandbox))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", "after="),
        Fault("truncated", "after=", times=2),
        Fault("html", "after="),
        Fault("status", "after=", status=503, times=4),
        Fault("secondary_limit", "after=", retry_after_seconds=7),
        Fault("secondary_limit", "after=", status=429),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_walk_outlasts_failures_without_losing_a_record(sandbox, connect, fault):
    sandbox.app.faults.append(fault)
    assert sorted(record_ids(connect().pages(HELLO, ISSUE_LIST))) == sorted(listed_ids(sandbox))
    assert fault.seen_count > fault.times


def test_a_hanging_server_runs_into_the_time_out(sandbox, connect):
    sandbox.app.faults.append(Fault("hang"))
    client = connect(read_timeout_seconds=0.2)
    assert client.repository(HELLO).full_name == "Octo-Org/Hello"
    assert client.spending.request_count == 2


def test_the_hourly_limit_says_when_to_go_on(sandbox, connect):
    sandbox.app.limits = Limits(anonymous_per_hour=3)
    client = connect(tokens=(), patience_seconds=600)
    with pytest.raises(LimitReached, match="2026-06-30 13:00:01 UTC") as caught:
        list(client.pages(HELLO, ISSUE_LIST))
    assert caught.value.resumes_at == datetime(2026, 6, 30, 13, 0, 1, tzinfo=UTC)
    assert client.spending.quota_remaining == 0


def test_the_hourly_limit_is_waited_out_with_patience(sandbox, connect):
    sandbox.app.limits = Limits(anonymous_per_hour=3)

    def pass_time(seconds):
        sandbox.world.advance(seconds=round(seconds))

    client = connect(tokens=(), patience_seconds=4000, sleep=pass_time)
    assert len(record_ids(client.pages(HELLO, ISSUE_LIST))) >= 320


def test_nothing_new_costs_one_free_request(sandbox, connect):
    client = connect()
    probe = client.probe(HELLO, ISSUE_LIST)
    cost = client.spending.quota_cost
    assert client.probe(HELLO, ISSUE_LIST, etag=probe.etag).is_unchanged
    assert client.spending.quota_cost == cost
    sandbox.world.advance(seconds=5 * 86400)
    assert not client.probe(HELLO, ISSUE_LIST, etag=probe.etag).is_unchanged


def test_an_incremental_walk_brings_what_changed(sandbox, connect):
    since = datetime.fromtimestamp(sandbox.world.clock, UTC)
    sandbox.world.advance(seconds=3 * 86400)
    records = [
        json.loads(record)
        for page in connect().pages(HELLO, ISSUE_LIST, since=since)
        for record in page.records
    ]
    updated = [record["updated_at"] for record in records]
    assert records
    assert updated == sorted(updated)
    assert min(updated) >= since.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_full_walk_of_known_pages_costs_the_last_page_only(sandbox, connect):
    client = connect()
    known = {page.url: KnownPage(page.etag, page.next_url) for page in client.pages(HELLO, ISSUE_LIST)}
    cost = client.spending.quota_cost
    swept = list(client.pages(HELLO, ISSUE_LIST, known=known))
    assert [page.is_unchanged for page in swept] == [True] * (len(known) - 1) + [False]
    assert client.spending.quota_cost == cost + 1


def test_a_former_name_leads_to_the_repository_and_is_reported(connect):
    client = connect()
    found = client.repository(OLD)
    assert (found.full_name, found.moved_to is not None) == ("Octo-Org/Hello", True)
    assert record_ids(client.pages(OLD, ISSUE_LIST)) == record_ids(client.pages(HELLO, ISSUE_LIST))


def test_what_cannot_be_had_is_named(connect):
    with pytest.raises(RepositoryNotFound):
        connect().repository(Repo("octo-org", "nothing"))
    with pytest.raises(IssuesDisabled):
        connect().repository(Repo("octo-org", "closed"))
    with pytest.raises(IssuesDisabled):
        list(connect().pages(Repo("octo-org", "closed"), ISSUE_LIST))
    with pytest.raises(BadToken):
        connect(tokens=("bad-token",)).repository(HELLO)


def test_a_stored_address_with_a_broken_cursor_asks_for_a_new_walk(sandbox, connect):
    url = f"{sandbox.base_url}/repos/octo-org/hello/issues?per_page=100&after=broken&page=2"
    with pytest.raises(CursorRefused):
        list(connect().pages(HELLO, ISSUE_LIST, start_url=url))


def test_the_events_of_the_repository_come_newest_first(connect):
    pages = list(connect(tokens=()).pages(HELLO, EVENT_LIST))
    assert record_ids(pages) == sorted(record_ids(pages), reverse=True)
    assert not any(page.is_capped for page in pages)


def issues_of(sandbox):
    return [one for one in sandbox.world.repository("octo-org/hello").listed if not one.is_pull_request]


def test_both_ways_to_collect_lifecycles_bring_the_same(sandbox, connect):
    client, issues = connect(), issues_of(sandbox)
    walked = [found for batch in client.repository_lifecycles(HELLO) for found in batch.issues]
    batches = list(client.lifecycles(HELLO, [issue.node_id for issue in issues]))
    by_id = {found.issue_id: found for batch in batches for found in batch.issues}
    assert [found.issue_id for found in walked] == [
        issue.issue_id for issue in sorted(issues, key=lambda one: (one.created_at, one.issue_id))
    ]
    assert all(found.is_complete and by_id[found.issue_id].payload == found.payload for found in walked)
    assert client.graphql_spending.quota_cost == 2 * -(-len(issues) // 100)
    assert client.issue_counts(HELLO).open_issue_count == sum(issue.state == "open" for issue in issues)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=502, times=ALWAYS, min_nodes=30 * 51),
        Fault("partial_data", times=ALWAYS, min_nodes=30 * 51),
        Fault("primary_limit", "/graphql"),
    ],
    ids=lambda fault: fault.kind,
)
def test_lifecycles_outlast_failures(sandbox, connect, fault):
    expected = [found.payload for batch in connect().repository_lifecycles(HELLO) for found in batch.issues]
    sandbox.app.faults.append(fault)
    client = connect(
        sleep=lambda seconds: sandbox.world.advance(seconds=round(seconds)), patience_seconds=4000
    )
    batches = list(client.repository_lifecycles(HELLO))
    assert [found.payload for batch in batches for found in batch.issues][: len(expected)] == expected
    assert client.graphql_spending.request_count < 40


def test_where_missing_issues_went(sandbox, connect):
    world = sandbox.world
    acts, outside = world.acts_on("octo-org/hello"), world.acts_on("elsewhere/outside")
    gone = [issue for issue in issues_of(sandbox) if issue.state == "open"][:4]
    acts.transfer(gone[0], world.clock, None, outside)
    acts.transfer(gone[1], world.clock, None, None)
    acts.delete(gone[2], world.clock)
    missing = [MissingIssue(issue.issue_id, issue.node_id, issue.number) for issue in gone]
    kinds = ["transferred_out", "unknown", "deleted", "present"]
    repository_id = world.repository("octo-org/hello").repository_id

    for tokens, evidence in [
        (("good-token",), ["nodes", "rest_404", "rest_410", "nodes"]),
        ((), ["rest_301", "rest_404", "rest_410", "rest_200"]),
    ]:
        for repo in (HELLO, OLD):
            answers = {one.issue: one for one in connect(tokens).departures(repo, repository_id, missing)}
            assert [answers[issue].kind for issue in missing] == kinds
            assert [answers[issue].evidence for issue in missing] == evidence
            assert answers[missing[0]].departed_to.startswith("elsewhere/outside#")
            is_dated = answers[missing[0]].departed_at is not None
            assert is_dated is bool(tokens)
