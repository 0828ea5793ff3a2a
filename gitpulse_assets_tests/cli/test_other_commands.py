"""`gitpulse sandbox`, `ui` and `demo`: what they refuse, and that the demo touches no real tables."""

import socket
from collections.abc import Iterator

import pytest

from gitpulse_assets.commands.demo import demo_plans, demo_settings
from gitpulse_assets.commands.exit_codes import FAILED, WRONG_USE


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("command", ["sandbox", "ui"])
def test_a_port_in_use_is_one_line(stored_gitpulse, taken_port, command):
    result = stored_gitpulse(command, "--port", taken_port)
    assert result.exit_code == FAILED
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        f"gitpulse: port {taken_port} on 127.0.0.1 cannot be used (Address already in use)"
    )


@pytest.mark.parametrize("options", [("--port", "x"), ("--port", "70000"), ("--recorded", "nowhere")])
def test_wrong_use_of_the_sandbox_is_two(gitpulse, options):
    assert gitpulse("sandbox", *options).exit_code == WRONG_USE


def test_a_folder_without_a_recording_says_what_is_missing(gitpulse, home):
    result = gitpulse("sandbox", "--recorded", str(home), "--at", "2020-01-01")
    assert result.exit_code == WRONG_USE
    assert "has no list recorded on 2020-01-01" in result.stderr


def test_the_demo_keeps_to_the_embedded_default(home, monkeypatch):
    for name, value in {
        "GITPULSE_LAKE_URL": "s3://real/tables",
        "DAGSTER_HOME": "/real/home",
        "GITHUB_TOKEN": "a_real_token",
        "GITHUB_GRAPHQL_URL": "https://real/graphql",
        "GITPULSE_REPOS": "real/repo",
    }.items():
        monkeypatch.setenv(name, value)
    settings = demo_settings("http://127.0.0.1:1")
    assert settings.lake_url == str(home / ".gitpulse" / "lake")
    assert settings.dagster_home == home / ".gitpulse" / "dagster"
    assert settings.github_graphql_url == "http://127.0.0.1:1/graphql"
    assert [token.get_secret_value() for token in settings.github_tokens] == ["sandbox"]


def test_the_demo_has_two_years_of_each_tendency():
    plans = demo_plans()
    assert [plan.tendency for plan in plans] == ["growing", "shrinking", "neither"]
    assert all(plan.issue_count >= 2_000 and plan.day_count >= 730 for plan in plans)
