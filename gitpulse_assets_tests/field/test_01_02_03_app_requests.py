"""What a GitHub App asks for itself keeps the rules of every other request.

1: the App of selected repositories (getsentry/action-github-app-token#18, dotnet/docker-tools#1670: the first
installation is taken; actions/create-github-app-token#76: an organisation is no user; chaoss/
grimoirelab-perceval#899: what is public is read by any). 2: a renamed repository; thread not found. 3: a
secondary limit on the App's token; thread not found. Lag of replicas: octokit/auth-app.js#65 (401) and #589
(403).
"""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import BadToken, Forbidden, LimitReached, RepositoryNotFound
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.privacy import Privacy
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import (
    APP_ID,
    asked,
    client_of,
    installed,
    key_pair,
    names,
    no_wait,
    world_of,
)

OPEN, HIDDEN = "owner-a/public", "owner-a/private"
OF_A = Privacy({HIDDEN: frozenset({"installation 22"})})
FIRST = {"zeta": 11, "owner-a": 22}
CHOSEN = {"owner-a": frozenset({"private"})}


@pytest.mark.parametrize("order", [(OPEN, HIDDEN), (HIDDEN, OPEN)])
def test_01_selected_repositories_are_read_in_either_order(order):
    apps = installed(FIRST, selected=CHOSEN)
    with (
        serve(world_of(OPEN, HIDDEN), installations=apps, privacy=OF_A) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        assert names(client, *order) == list(order)


@pytest.mark.parametrize("users", [frozenset(), frozenset({"owner-a"})], ids=["organisation", "user"])
def test_01_an_owners_list_is_asked_of_the_owners_installation(users):
    apps = installed(FIRST, selected=CHOSEN, users=users)
    with (
        serve(world_of(OPEN, HIDDEN), installations=apps, privacy=OF_A) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        (page,) = client.owned_repositories("owner-a")
        assert len(page.records) == 2
        assert not asked(sandbox, ".github")


def test_01_one_question_for_an_owner_whose_repositories_it_has_all():
    keys = [f"owner-a/r{number}" for number in range(4)]
    with (
        serve(world_of(*keys), installations=installed(FIRST)) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        names(client, *keys)
        assert asked(sandbox, "/installation")[:1] == [("/repos/owner-a/r0/installation", 200)]
        assert len(asked(sandbox, "/repos/owner-a/r1/installation")) == 0


def test_01_a_repository_that_is_chosen_later_is_found_then():
    apps = installed(FIRST, selected={"owner-a": frozenset({"public"})})
    with (
        serve(world_of(OPEN, HIDDEN), installations=apps, privacy=OF_A) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        with pytest.raises(RepositoryNotFound):
            names(client, HIDDEN)
        apps.selected = CHOSEN
        assert names(client, HIDDEN) == [HIDDEN]


def test_02_a_renamed_repositorys_installation_is_found_by_the_redirect():
    world = world_of("acme-labs/new-name", former_names=("acme-labs/old-name",))
    with (
        serve(world, installations=installed({"zeta": 11, "acme-labs": 22})) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        assert names(client, "acme-labs/old-name") == ["acme-labs/new-name"]
        assert [line.token for line in sandbox.app.log][-1].startswith("ghs_22_")


@pytest.mark.parametrize("path", ["/access_tokens", "/installation"])
def test_03_a_secondary_limit_on_the_apps_own_request_is_waited_out(path):
    sleeps: list[float] = []
    fault = Fault("secondary_limit", match=path, retry_after_seconds=2)
    with (
        serve(world_of(OPEN), installations=installed(FIRST), faults=[fault]) as sandbox,
        client_of(sandbox, github_app=True, sleep=sleeps.append) as client,
    ):
        assert names(client, OPEN) == [OPEN]
    assert sleeps == [2]


def test_03_a_limit_beyond_the_patience_is_no_wrong_credential():
    fault = Fault("secondary_limit", match="/access_tokens", retry_after_seconds=500)
    with (
        serve(world_of(OPEN), installations=installed(FIRST), faults=[fault]) as sandbox,
        client_of(sandbox, github_app=True) as client,
        pytest.raises(LimitReached, match="GitHub App 4711"),
    ):
        names(client, OPEN)


@pytest.mark.parametrize("kind", ["status", "reset", "html"])
def test_01_02_03_cousin_a_passing_failure_of_the_apps_own_request_is_tried_again(kind):
    fault = Fault(kind, match="/access_tokens", times=2)
    with (
        serve(world_of(OPEN), installations=installed(FIRST), faults=[fault]) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        assert names(client, OPEN) == [OPEN]


@pytest.mark.parametrize("status", [401, 403])
def test_01_02_03_cousin_a_fresh_token_that_no_replica_knows_yet_is_given_time(status):
    sleeps: list[float] = []
    fault = Fault("status", match="/repos/owner-a/public", skip=1, times=2, status=status)
    with (
        serve(world_of(OPEN), installations=installed(FIRST), faults=[fault]) as sandbox,
        client_of(sandbox, github_app=True, sleep=sleeps.append) as client,
    ):
        assert names(client, OPEN) == [OPEN]
        assert len(asked(sandbox, "/access_tokens")) == 1
    assert sleeps == [1, 2]


def test_01_02_03_cousin_a_suspended_installation_is_named_and_never_the_one_for_what_is_public():
    apps = installed(FIRST, suspended=frozenset({11}))
    with (
        serve(world_of(OPEN, "zeta/own", "else/where"), installations=apps) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        assert names(client, "else/where") == ["else/where"]
        with pytest.raises(Forbidden, match=r"GitHub App 4711 on zeta is suspended since 2026-05-01"):
            names(client, "zeta/own")


def test_01_02_03_cousin_an_app_that_was_installed_anew_is_asked_for_under_its_new_id():
    apps = installed({"owner-a": 22})
    with (
        serve(world_of(OPEN), installations=apps) as sandbox,
        client_of(sandbox, github_app=True) as client,
    ):
        names(client, OPEN)
        apps.owners["owner-a"] = 33
        apps.tokens.clear()
        github_app = client._transport._tokens.first(Repo.parse(OPEN))
        assert isinstance(github_app, GitHubApp)
        github_app._clock = lambda: time.monotonic() + 3600
        assert names(client, OPEN) == [OPEN]
        assert [line.token for line in sandbox.app.log][-1].startswith("ghs_33_")


def test_01_02_03_cousin_a_clock_that_is_wrong_is_corrected_by_githubs():
    now = datetime.now(UTC) - timedelta(hours=2)
    date = {"date": format_datetime(now, usegmt=True)}
    issued: list[int] = []

    def github(request: httpx.Request) -> httpx.Response:
        import jwt

        bearer = request.headers["authorization"].removeprefix("Bearer ")
        if bearer == "ghs_1":
            return httpx.Response(200, headers=date, json={"id": 1, "full_name": OPEN})
        claims = jwt.decode(bearer, options={"verify_signature": False})
        issued.append(claims["iat"])
        if claims["exp"] > now.timestamp() + 600:
            words = "'Expiration time' claim ('exp') is too far in the future"
            return httpx.Response(401, headers=date, json={"message": words})
        if request.method == "POST":
            granted = {"token": "ghs_1", "expires_at": (now + timedelta(hours=1)).isoformat()}
            return httpx.Response(201, headers=date, json=granted)
        return httpx.Response(200, headers=date, json={"id": 22})

    url = "https://api.github.test"
    github_app = GitHubApp(APP_ID, SecretStr(key_pair()[0]), url)
    with GitHubClient(
        api_url=url,
        graphql_url=url,
        github_app=github_app,
        http_transport=httpx.MockTransport(github),
        sleep=no_wait,
    ) as client:
        assert names(client, OPEN) == [OPEN]
    assert len(issued) == 3


def test_01_02_03_an_app_that_is_refused_still_names_the_settings():
    fault = Fault("status", match="/access_tokens", times=9, status=422)
    with (
        serve(world_of(OPEN), installations=installed(FIRST), faults=[fault]) as sandbox,
        client_of(sandbox, github_app=True) as client,
        pytest.raises(BadToken, match="check GITHUB_APP_ID"),
    ):
        names(client, OPEN)
