"""19: nobody answers the very first request; it was tried 18 times, over more than a minute.

ActiveState/cli#2728 (names that do not resolve are not to be tried again); getsentry/sentry-cli#2763 has the
other side: once the server was reached, a name that does not resolve passes. The command and its one line are
held in cli/test_refresh_command.py.
"""

import errno
import socket
import ssl
from typing import Any

import httpx
import pytest

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import NetworkDown, Unreachable
from gitpulse_assets.repo import Repo

URL = "https://github.example"
REPO = Repo("acme", "rocket")
DATE = {"date": "Tue, 30 Jun 2026 12:00:00 GMT"}
NOBODY = [
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    OSError(errno.ENETUNREACH, "Network is unreachable"),
    ssl.SSLCertVerificationError("certificate verify failed"),
]
PASSING = [
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    TimeoutError("timed out"),
]


def asked(*answers: Exception | None, **options: Any) -> tuple[int, Exception | None]:
    """How often a client asks whom these keep from answering, and what it ends with; None is an answer."""
    left, count = list(answers), 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        error = left.pop(0) if len(left) > 1 else left[0]
        if error is None:
            return httpx.Response(200, headers=DATE, json={"id": 1, "full_name": REPO.key})
        raise httpx.ConnectError(str(error), request=request) from error

    transport = httpx.MockTransport(answer)
    with GitHubClient(
        api_url=URL, graphql_url=URL, http_transport=transport, sleep=lambda _: None, **options
    ) as client:
        for _ in range(2):
            try:
                client.repository(REPO)
            except NetworkDown as error:
                return count, error
    return count, None


@pytest.mark.parametrize("error", NOBODY, ids=lambda error: str(error).partition("] ")[2])
def test_19_nobody_at_the_first_request_is_told_at_once(error):
    count, told = asked(error)
    assert count == 1
    assert isinstance(told, Unreachable)
    for word in (
        "github.example cannot be reached",
        "network",
        "GITHUB_API_URL",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
    ):
        assert word in str(told)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_19_cousin_a_connection_that_breaks_is_tried_again(error):
    """Somebody is there: it passes."""
    assert asked(error, None) == (3, None)
    count, told = asked(error)
    assert (count, type(told)) == (6, NetworkDown)


@pytest.mark.parametrize("error", NOBODY[:3], ids=lambda error: str(error).partition("] ")[2])
def test_19_cousin_a_network_that_is_lost_later_is_waited_for(error):
    """It was reached before: by this client, or by an earlier try of the same step."""
    assert asked(None, error)[0] == 7
    assert asked(error, was_reached=True)[0] == 6
    assert asked(error, error, None, was_reached=True) == (4, None)


def test_19_cousin_a_proxy_that_is_down_is_told_at_once_as_well():
    """What is refused there is the proxy's port; the line names its variable."""
    count, told = asked(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
    assert count == 1
    assert "HTTPS_PROXY where there is a proxy" in str(told)
