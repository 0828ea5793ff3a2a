"""No token and no secret in any artefact: tables, Dagster's databases and logs, output, exceptions."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from gitpulse_assets.commands.exit_codes import FAILED, PARTIAL
from gitpulse_assets.sandbox.faults import ALWAYS, Fault

TOKEN = "ghp_the_token_that_must_never_show"
BAD_TOKEN = "bad_token_that_must_never_show"
AWS_SECRET = "aws_secret_that_must_never_show"
SECRETS = (TOKEN, BAD_TOKEN, AWS_SECRET)


def leaks(folder: Path) -> list[str]:
    """Name the files below a folder that hold a secret, plain or in base64."""
    words = [form for secret in SECRETS for form in (secret.encode(), base64.b64encode(secret.encode())[:-4])]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


@pytest.fixture
def refreshed_home(home: Path, first_refresh) -> Path:
    """A folder with all that a successful refresh leaves, to fail in."""
    shutil.copytree(first_refresh.home, home, dirs_exist_ok=True)
    return home


def echo(status: int) -> Fault:
    """GitHub, or a proxy before it, that repeats the token it was sent."""
    body = json.dumps({"message": f"no {TOKEN}", "documentation_url": f"https://x/{TOKEN}"})
    return Fault("status", match="acme/rocket", times=ALWAYS, status=status, body=body)


def test_no_secret_is_left_by_any_run(refreshed_home, sandbox, stored_gitpulse, no_delay, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
    said = []

    def fail(code: int, **environment: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            result = stored_gitpulse("refresh", "acme/rocket", "--full")
        assert result.exit_code == code, result.output
        said.append(result.output)

    for status in (500, 403, 401, 422, 301):
        sandbox.app.faults[:] = [echo(status)]
        fail(FAILED)
    sandbox.app.faults[:] = [Fault("reset", match="direction=asc", skip=2, times=ALWAYS)]
    fail(PARTIAL)
    sandbox.app.faults.clear()
    fail(FAILED, GITHUB_TOKEN=BAD_TOKEN)
    fail(FAILED, GITHUB_TOKEN=f"{BAD_TOKEN},{BAD_TOKEN}2")
    fail(FAILED, GITHUB_API_URL="http://127.0.0.1:9")
    assert not [secret for secret in SECRETS for text in said if secret in text]
    assert leaks(refreshed_home) == []


@pytest.mark.parametrize("value", [f"{TOKEN} and", f"{TOKEN}\n{TOKEN}", f"{TOKEN}é"])
def test_a_token_that_cannot_be_one_is_not_repeated(stored_gitpulse, monkeypatch, value):
    monkeypatch.setenv("GITHUB_TOKEN", value)
    result = stored_gitpulse("refresh", "acme/rocket")
    assert TOKEN not in result.output
    assert result.stderr.startswith("gitpulse: GITHUB_TOKEN: ")
