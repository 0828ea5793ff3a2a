"""What docker-compose.yml promises: no default password, nothing published but by the proxy, limits."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitpulse_assets.runs.postgres_storage import CONNECTIONS_MAX
from gitpulse_assets.settings import Settings
from gitpulse_assets.watch.watch_list import DEFAULT_FILES
from gitpulse_assets_tests.conftest import absent

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
ONE_SHOT = {"bucket", "reader", "migrate"}
SECRETS = re.compile(r"PASSWORD|SECRET|HASH|ACCESS_KEY|READER_KEY")
# A second name for the region, and part of credentials that end within hours.
NOT_FOR_CODE = {"AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"}
# What httpx reads by itself on the way to GitHub.
NETWORK = {"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
# Settings of other services: the page, and whoever makes Metabase's cards.
OTHERS = ("GITPULSE_API_", "GITPULSE_CORS_", "GITPULSE_METABASE_", "FORWARDED_")


def variables() -> list[tuple[str, str]]:
    return re.findall(r"\$\{(\w+)([^}]*)\}", TEXT)


def test_every_secret_must_be_set():
    secrets = {(name, rest[:2]) for name, rest in variables() if SECRETS.search(name)}
    assert len(secrets) >= 5
    assert {how for _, how in secrets} == {":?"}


def test_only_what_asks_who_is_there_is_published_and_on_this_machine_alone():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"proxy", "metabase"}
    assert all(":-127.0.0.1:" in port for ports in published.values() for port in ports)
    assert SERVICES["metabase"]["profiles"] == ["metabase"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_watched_and_restarted(name: str):
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["restart"] == ("on-failure:5" if name in ONE_SHOT else "unless-stopped")
    assert ("healthcheck" in service) == (name not in ONE_SHOT)
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str):
    image = SERVICES[name]["image"]
    assert image.startswith("gitpulse:") or re.search(r":[A-Za-z.]*\d+[.-]\d+[.-]\d+|:\d+\.\d+-", image)


def test_every_setting_reaches_the_code_location():
    given = set(SERVICES["code"]["environment"])
    wanted = NETWORK | {str(field.validation_alias) for field in Settings.model_fields.values()}
    left_out = {name for name in wanted - given - NOT_FOR_CODE if not name.startswith(OTHERS)}
    assert not left_out


@pytest.mark.parametrize("document", [".env.example", "README.md"])
def test_every_setting_is_documented(document: str):
    text = (ROOT / document).read_text(encoding="utf-8")
    wanted = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert {name for name in wanted if not re.search(rf"\b{name}\b", text)} == set()


def test_every_variable_of_the_file_is_in_the_example():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert {name for name, _ in variables() if not re.search(rf"\b{name}=", text)} == set()


def test_what_is_not_set_stays_unset():
    """OpenSSL takes an empty SSL_CERT_FILE for a file without certificates, GitPulse a path for a promise."""
    for name in (*NETWORK, "GITPULSE_CONFIG"):
        assert SERVICES["code"]["environment"][name] is None


def test_every_variable_of_the_caddyfile_is_passed():
    named = set(re.findall(r"\{\$(\w+)", (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")))
    assert named == set(SERVICES["proxy"]["environment"])


def test_the_default_config_is_mounted_where_it_is_looked_for():
    mounted = [volume.rsplit(":", 2)[1] for volume in SERVICES["code"]["volumes"] if volume.endswith(":ro")]
    assert str(DEFAULT_FILES[-1].parent) in mounted


def test_github_s_and_the_channels_secrets_are_the_code_location_s_alone():
    for name, service in SERVICES.items():
        held = {key for key in service.get("environment", {}) if key.startswith("GITHUB") or "ALERT" in key}
        assert not held or name in {"code", "worker"}


def test_a_worker_is_what_the_code_location_is():
    for key in ("image", "environment", "volumes", "read_only", "cap_drop", "mem_limit", "stop_grace_period"):
        assert SERVICES["worker"][key] == SERVICES["code"][key]
    assert {name for name, service in SERVICES.items() if "workers" in service.get("profiles", [])} == {
        "redis",
        "worker",
    }


def test_redis_is_reached_by_those_alone_that_start_and_execute_runs():
    """It has no password, and who reaches it can end runs: not whoever answers strangers."""
    networks = {name: service.get("networks", ["default"]) for name, service in SERVICES.items()}
    assert {name for name, joined in networks.items() if "runs" in joined} == {
        *("redis", "worker", "code", "daemon", "webserver", "readonly")
    }
    assert networks["redis"] == ["runs"]
    assert yaml.safe_load(TEXT)["networks"] == {"runs": {"internal": True}}


def test_postgres_bears_what_every_process_opens_in_a_burst():
    """Those of two workers, or of as many runs in the code location; PostgreSQL itself keeps three back."""
    allowed = int(SERVICES["postgres"]["command"][-1].removeprefix("max_connections="))
    command = SERVICES["worker"]["command"]
    executing = 2 * int(command[command.index("--concurrency") + 1])
    storages = len(("code", "daemon", "webserver", "readonly")) + executing
    budgets = 1 + executing
    assert storages * CONNECTIONS_MAX + budgets + 3 <= allowed


@pytest.mark.parametrize("name", ["page", "metabase"])
def test_19_what_only_reads_has_keys_that_may_only_read(name: str):
    keys = {key: value for key, value in SERVICES[name]["environment"].items() if "ACCESS_KEY" in key}
    assert len(keys) == 2
    assert all(value.startswith("${GITPULSE_READER_") for value in keys.values())
    assert SERVICES[name]["depends_on"]["reader"] == {"condition": "service_completed_successfully"}


def test_19_the_reader_s_policy_allows_nothing_but_reading():
    script = (ROOT / "deploy" / "make_reader.sh").read_text(encoding="utf-8")
    policy = json.loads(script[script.index('{"Version"') : script.index("\nEND")])
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert allowed == {"s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"}


def shell_of(page: Path) -> str:
    """The page's shell blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return re.sub(r"(^|\s)#.*", "", "\n".join(blocks), flags=re.MULTILINE)


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_19_no_password_stands_on_a_command_line(page: Path):
    told = re.findall(r"--plaintext|\b\w*(?:PASSWORD|SECRET|TOKEN)\w*=(?!\$\(openssl)\S+", shell_of(page))
    assert not told


def test_19_the_handbook_s_env_file_is_made_without_showing_a_password(tmp_path: Path):
    """Its own lines, run by bash; Docker's part is played by the caddy of this machine."""
    caddy = shutil.which("caddy")
    if caddy is None:
        absent("caddy", "there is no caddy on the path")
    lines = shell_of(ROOT / "docs" / "operations.md").partition('"${EDITOR')[0]
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$@" >> docker.log\nexec {caddy} hash-password\n')
    (tmp_path / "docker").chmod(0o755)
    script = re.sub("^   ", "", lines, flags=re.MULTILINE)
    made = subprocess.run(
        ["bash", "-euc", script],
        input="one word\nanother word\n",
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    text = (tmp_path / ".env").read_text()
    values = dict(line.split("=", 1) for line in text.splitlines())
    assert set(values) == {name for name, rest in variables() if rest.startswith(":?")}
    assert all(re.fullmatch(r"'\$2a\$.{56}'", values[f"GITPULSE_{who}_HASH"]) for who in ("ADMIN", "VIEWER"))
    shown = made.stdout + made.stderr + text + (tmp_path / "docker.log").read_text()
    assert "word\n" not in shown.replace("caddy hash-password\n", "")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_docker_compose_takes_the_file():
    docker_compose = shutil.which("docker-compose")
    if docker_compose is None:
        absent("compose", "Debian's docker-compose is not installed")
    required = {name for name, rest in variables() if rest.startswith(":?")}
    environment = {"PATH": "/usr/bin:/bin", **dict.fromkeys(required, "x")}
    command = [str(docker_compose), "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    without = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert without.returncode != 0
