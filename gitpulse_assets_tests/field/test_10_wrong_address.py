"""10: an address that is not the API's.

Without /api/v3: AlexSim93/pull-request-analytics-action#57 tells of 404s at an Enterprise Server; http that
redirects to https: thread not found.
"""

import httpx
import pytest

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import AnswerUnusable, Forbidden, ForeignLink, GitHubError, WrongAddress
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import Fault, web_page
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.field.client_reader import client_of, installed, names, no_wait, world_of

KEY = "acme/rocket"
DATE = {"date": "Mon, 03 Jun 2024 21:18:53 GMT"}


@pytest.mark.parametrize("github_app", [False, True], ids=["token", "app"])
def test_10_a_web_page_with_404_is_no_missing_repository(github_app):
    with (
        serve(world_of(KEY), faults=[web_page()], installations=installed({"acme": 1})) as sandbox,
        client_of(sandbox, *(() if github_app else ("tok",)), github_app=github_app) as client,
        pytest.raises(WrongAddress) as refused,
    ):
        names(client, KEY)
    assert "no address of GitHub's API" in str(refused.value)
    assert f"ends in /api/v3: {sandbox.base_url}/api/v3" in str(refused.value)
    assert len(sandbox.app.log) == 1


def redirected(base: str, location: str) -> GitHubError:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers=DATE | {"location": location}, json={})

    with (
        GitHubClient(
            api_url=base, graphql_url=base, http_transport=httpx.MockTransport(answer), sleep=no_wait
        ) as client,
        pytest.raises(GitHubError) as refused,
    ):
        client.repository(Repo.parse(KEY))
    return refused.value


@pytest.mark.parametrize(("port", "given"), [("", ""), (":8080", ":8443")])
def test_10_http_that_leads_to_https_of_the_same_host_says_so(port: str, given: str):
    error = redirected(
        f"http://git.example.org{port}/api/v3", f"https://git.example.org{given}/api/v3/repos/acme/rocket"
    )
    assert isinstance(error, WrongAddress)
    assert f"write https://git.example.org{given} in GITHUB_API_URL" in str(error)


def test_10_cousin_https_behind_a_proxy_that_forgets_it_says_so():
    error = redirected("https://git.example.org/api/v3", "http://git.example.org/api/v3/repos/acme/rocket")
    assert isinstance(error, WrongAddress)
    assert "X-Forwarded-Proto" in str(error)


def test_10_cousin_another_port_of_the_same_host_is_told_with_its_port():
    error = redirected("http://127.0.0.1:8080", "http://127.0.0.1:9090/x")
    assert isinstance(error, ForeignLink)
    assert "http://127.0.0.1:8080 points to another origin (http://127.0.0.1:9090)" in str(error)


def test_10_cousin_a_log_in_page_with_200_hints_at_the_address_too():
    with (
        serve(world_of(KEY), faults=[Fault("html", times=9)]) as sandbox,
        client_of(sandbox, "tok") as client,
        pytest.raises(AnswerUnusable, match=r"log-in page.*ends in /api/v3"),
    ):
        names(client, KEY)


def test_10_cousin_a_firewalls_page_with_403_is_no_matter_of_the_token():
    with (
        serve(world_of(KEY), faults=[web_page(403)]) as sandbox,
        client_of(sandbox, "tok") as client,
        pytest.raises(Forbidden, match="check for a proxy or a firewall"),
    ):
        names(client, KEY)


def test_10_githubs_own_404_stays_one():
    with (
        serve(world_of(KEY)) as sandbox,
        client_of(sandbox, "tok") as client,
        pytest.raises(GitHubError, match="is not found at 127"),
    ):
        names(client, "no/such")
