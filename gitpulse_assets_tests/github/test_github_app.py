"""A GitHub App: its JWT, its installations' tokens, and the ETags that outlive them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import BadToken
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.installations import Installations
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve

REPO = Repo("acme", "rocket")
APP_ID = "4711"


@dataclass
class Clock:
    """A monotonic clock that a test moves."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class KeyPair:
    private_pem: str = ""
    public_pem: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def __post_init__(self) -> None:
        self.private_pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_pem = self.key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()


@pytest.fixture(scope="module")
def keys() -> KeyPair:
    return KeyPair()


@pytest.fixture
def sandbox(keys: KeyPair) -> Iterator[Sandbox]:
    installed = Installations(APP_ID, keys.public_pem, {"acme": 11, "own": 22})
    plans = [HistoryPlan(name, issue_count=30, day_count=60) for name in (REPO.key, "else/where")]
    with serve(generate(plans), installations=installed) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connect(sandbox: Sandbox, keys: KeyPair, clock: Clock) -> Callable[..., GitHubClient]:
    def open_client(app_id: str = APP_ID, key: str = "", installation_id: int | None = None) -> GitHubClient:
        github_app = GitHubApp(
            app_id, SecretStr(key or keys.private_pem), sandbox.base_url, installation_id, clock
        )
        return GitHubClient(
            api_url=sandbox.base_url,
            graphql_url=f"{sandbox.base_url}/graphql",
            github_app=github_app,
            sleep=lambda seconds: pytest.fail(f"it waits {seconds} s"),
        )

    return open_client


def asked(sandbox: Sandbox) -> list[tuple[str, str, int]]:
    return [(line.method, line.target.partition("?")[0], line.status) for line in sandbox.app.log]


def test_the_installation_of_the_owner_is_found_and_its_token_kept(sandbox: Sandbox, connect):
    with connect() as client:
        assert client.repository(REPO).full_name == REPO.key
        assert client.issue_counts(REPO).open_issue_count > 0
    assert asked(sandbox) == [
        ("GET", "/repos/acme/rocket/installation", 200),
        ("POST", "/app/installations/11/access_tokens", 201),
        ("GET", "/repos/acme/rocket", 200),
        ("POST", "/graphql", 200),
    ]
    assert sandbox.app.log[2].token == "ghs_11_1"


def test_a_named_installation_is_used_for_all(sandbox: Sandbox, connect):
    with connect(installation_id=22) as client:
        client.repository(REPO)
    assert [line.token for line in sandbox.app.log][-1] == "ghs_22_1"


def test_what_is_public_elsewhere_is_read_by_the_first_installation(sandbox: Sandbox, connect):
    with connect() as client:
        client.repository(Repo("else", "where"))
    assert [line.token for line in sandbox.app.log][-1] == "ghs_11_1"


def test_a_token_is_renewed_before_its_end(sandbox: Sandbox, connect, clock: Clock):
    with connect() as client:
        client.repository(REPO)
        clock.seconds += 3000
        client.repository(REPO)
        clock.seconds += 301
        client.repository(REPO)
    tokens = [line.token for line in sandbox.app.log if line.target == "/repos/acme/rocket"]
    assert tokens == ["ghs_11_1", "ghs_11_1", "ghs_11_2"]


def test_a_token_that_is_refused_is_renewed_at_once(sandbox: Sandbox, connect, clock: Clock):
    with connect() as client:
        client.repository(REPO)
        sandbox.world.advance(seconds=4000)
        clock.seconds += 60
        assert client.repository(REPO).full_name == REPO.key


def test_an_unchanged_answer_is_free_after_a_renewal(sandbox: Sandbox, connect, clock: Clock):
    with connect() as client:
        first = client.probe(REPO, ISSUE_LIST)
        clock.seconds += 3400
        again = client.probe(REPO, ISSUE_LIST, etag=first.etag, known_body=first.body)
        assert again.is_unchanged
        assert client.spending.quota_cost == 1
    assert sandbox.app.log[-1].cost == 0
    assert sandbox.app.log[-1].token == "ghs_11_2"


def test_a_change_is_seen_after_a_renewal(sandbox: Sandbox, connect, clock: Clock):
    with connect() as client:
        first = client.probe(REPO, ISSUE_LIST)
        sandbox.world.advance(seconds=10 * 86_400)
        clock.seconds += 3400
        again = client.probe(REPO, ISSUE_LIST, etag=first.etag, known_body=first.body)
    assert not again.is_unchanged
    assert again.newest.at > first.newest.at


@pytest.mark.parametrize(
    ("app_id", "key", "said"),
    [
        ("4712", "", "check GITHUB_APP_ID"),
        (APP_ID, "other", "check GITHUB_APP_ID"),
        (APP_ID, "-----BEGIN RSA PRIVATE KEY-----\nTm9uZQ==\n", "GITHUB_APP_PRIVATE_KEY holds no RSA"),
    ],
)
def test_what_github_refuses_names_the_settings(connect, app_id: str, key: str, said: str):
    chosen = KeyPair().private_pem if key == "other" else key
    with connect(app_id, chosen) as client, pytest.raises(BadToken) as refusal:
        client.repository(REPO)
    assert said in str(refusal.value)
    assert "PRIVATE KEY-----" not in str(refusal.value)


def test_no_token_shows(connect):
    with connect() as client:
        client.repository(REPO)
        transport = client._transport
        assert transport.mask("it was ghs_11_1") == "it was [token]"
        assert transport.token_name(REPO) == "GitHub App 4711"
        assert "ghs_" not in repr(vars(transport._tokens)) + repr(vars(transport._tokens.first(REPO)))
