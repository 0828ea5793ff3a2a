"""deploy/Caddyfile in Caddy, as docker-compose.yml runs it: with a name of its own, too."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment.compose import ROOT, Compose, wait_until
from gitpulse_assets_tests.deployment.conftest import ADMIN, VIEWER, password_hash

# Not in the suite, since `make test-deployment` runs it with the rest.
pytestmark = [pytest.mark.caddy, pytest.mark.timeout(300), pytest.mark.slow]


@pytest.fixture
def variables() -> dict[str, str]:
    """What the file refuses to start without."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    reading_keys = ("GITPULSE_READER_KEY_ID", "GITPULSE_READER_SECRET_KEY")
    required = ("DAGSTER_PG_PASSWORD", *keys, *reading_keys)
    hashes = {
        "GITPULSE_ADMIN_HASH": password_hash(ADMIN[1]),
        "GITPULSE_VIEWER_HASH": password_hash(VIEWER[1]),
    }
    return dict.fromkeys(required, "x") | hashes


def without_certificates(config: dict[str, Any]) -> dict[str, Any]:
    """Keep Caddy from asking the world for a certificate, or this machine to trust its own."""
    for server in config["apps"]["http"]["servers"].values():
        server.setdefault("automatic_https", {})["disable_certificates"] = True
    return config


@contextmanager
def running(tmp_path: Path, variables: dict[str, str]) -> Iterator[Compose]:
    """The service `proxy`, with what it adapts its file to, but for certificates."""
    caddy = shutil.which("caddy")
    if caddy is None:
        absent("caddy", "there is no caddy on the path")
    compose = Compose(tmp_path, variables, {"/etc/caddy": tmp_path})
    adapt = [str(caddy), "adapt", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    adapted = compose.execute("proxy", *adapt)
    assert adapted.returncode == 0, adapted.stderr
    config = without_certificates(json.loads(adapted.stdout))
    (tmp_path / "config.json").write_text(json.dumps(config))
    compose.services["proxy"]["command"] = ["caddy", "run", "--config", "/etc/caddy/config.json"]
    compose.start("proxy")
    try:
        yield compose
    finally:
        compose.stop()


@pytest.mark.parametrize("site", ["", "gitpulse.example.com"])
def test_the_proxy_is_healthy_whatever_its_name(tmp_path: Path, variables: dict[str, str], site: str):
    names = {"GITPULSE_SITE": site, "GITPULSE_PAGE_SITE": site and f"backlog.{site}"}
    with running(tmp_path, variables | names) as compose:
        compose.wait_healthy("proxy")


def test_with_a_name_the_plain_port_only_leads_to_the_other(tmp_path: Path, variables: dict[str, str]):
    with running(tmp_path, variables | {"GITPULSE_SITE": "gitpulse.example.com"}) as compose:
        url = f"http://{compose.addresses['proxy']}:8080/runs"
        compose.wait_healthy("proxy")
        answer = wait_until(
            "the plain port answers", lambda: httpx.get(url, headers={"Host": "gitpulse.example.com"})
        )
        assert answer.status_code in (301, 308)
        assert answer.headers["location"].startswith("https://gitpulse.example.com")
