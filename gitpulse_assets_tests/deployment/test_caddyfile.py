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


def adapted(compose: Compose) -> dict[str, Any]:
    """What Caddy makes of the file."""
    caddy = shutil.which("caddy")
    if caddy is None:
        absent("caddy", "there is no caddy on the path")
    adapt = [str(caddy), "adapt", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    done = compose.execute("proxy", *adapt)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def running(tmp_path: Path, variables: dict[str, str]) -> Iterator[Compose]:
    """The service `proxy`, with what it adapts its file to, but for certificates."""
    compose = Compose(tmp_path, variables, {"/etc/caddy": tmp_path})
    config = without_certificates(adapted(compose))
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


def test_no_question_goes_out_on_a_connection_that_its_server_is_about_to_close(
    tmp_path: Path, variables: dict[str, str]
):
    """uvicorn closes one after 5 idle seconds, and Caddy keeps it for two minutes: 502 (caddy#6452)."""
    found = list(proxies(adapted(Compose(tmp_path, variables, {"/etc/caddy": tmp_path}))))
    assert len(found) == 3
    for proxy in found:
        assert 0 < proxy["transport"]["keep_alive"]["idle_timeout"] < 5e9


def proxies(config: Any) -> Iterator[dict[str, Any]]:
    """Every reverse proxy in what Caddy made of the file."""
    if isinstance(config, dict) and config.get("handler") == "reverse_proxy":
        yield config
    elif isinstance(config, dict | list):
        for part in config.values() if isinstance(config, dict) else config:
            yield from proxies(part)
