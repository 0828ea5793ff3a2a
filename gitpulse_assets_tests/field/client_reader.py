"""Clients for a stand-in GitHub, whose waits are noted and not waited."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.github_app import GitHubApp
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.installations import Installations
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox
from gitpulse_assets.sandbox.world import World

APP_ID = "4711"


def world_of(*keys: str, former_names: tuple[str, ...] = ()) -> World:
    return generate(
        [HistoryPlan(key, issue_count=5, day_count=20, former_names=former_names) for key in keys]
    )


@cache
def key_pair() -> tuple[str, str]:
    """A private key and its public half, in PEM form; one for all tests of a process."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.decode(), key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()


def installed(owners: dict[str, int], **options: Any) -> Installations:
    return Installations(APP_ID, key_pair()[1], owners, **options)


def no_wait(seconds: float) -> None:
    """The sleep of a client that has no reason to wait."""
    raise AssertionError(f"would wait {seconds} s")


def client_of(sandbox: Sandbox, *tokens: str, github_app: bool = False, **options: Any) -> GitHubClient:
    """A client with these tokens, and the App beside them if wanted; `sleeps` in the options keeps waits."""
    given: dict[str, Any] = {"sleep": lambda _: None, **options}
    own = GitHubApp(APP_ID, SecretStr(key_pair()[0]), sandbox.base_url) if github_app else None
    return GitHubClient(
        api_url=sandbox.base_url,
        graphql_url=f"{sandbox.base_url}/graphql",
        tokens=[SecretStr(token) for token in tokens],
        github_app=own,
        **given,
    )


def names(client: GitHubClient, *keys: str) -> list[str | None]:
    """The full names the client reads, asked for in this order."""
    return [client.repository(Repo.parse(key)).full_name for key in keys]


def asked(sandbox: Sandbox, part: str) -> list[tuple[str, int]]:
    """Paths with a part in them that were asked for, and the status of the answers."""
    return [(line.target.partition("?")[0], line.status) for line in sandbox.app.log if part in line.target]
