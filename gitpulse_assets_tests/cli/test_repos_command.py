"""Who is watched, whether the list can be followed, and what a first refresh costs."""

import json
from pathlib import Path

import dagster as dg
import pytest

from gitpulse_assets.automation.watching import watch_list
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.server import Sandbox


def watch(home: Path, text: str) -> None:
    (home / "gitpulse.yaml").write_text(text)


def follow() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        watch_list(dg.build_sensor_context(instance=instance))


def test_an_empty_list_says_what_to_do(gitpulse):
    assert "name some in gitpulse.yaml" in gitpulse("repos", "list").output


def test_the_list_tells_watched_retired_by_hand_and_new_apart(refreshed):
    home, gitpulse = refreshed.home, refreshed.gitpulse
    try:
        (by_hand,) = json.loads(gitpulse("repos", "list", "--json").output)
        assert (by_hand["repository"], by_hand["status"]) == ("acme/rocket", "by hand")
        assert by_hand["refreshed_at"].startswith("2026-06-30")
        assert by_hand["verdict"] in {"growing", "shrinking", "flat", "unclear"}
        watch(home, "repositories: [acme/rocket, acme/closed]\n")
        lines = {line["repository"]: line for line in json.loads(gitpulse("repos", "list", "--json").output)}
        assert (lines["acme/rocket"]["status"], lines["acme/closed"]["status"]) == ("by hand", "new")
        follow()
        shown = gitpulse("repos", "list").output
        assert "watched" in shown
        assert "acme/closed has its issues disabled" in shown
        watch(home, "repositories: []\n")
        follow()
        (retired,) = json.loads(gitpulse("repos", "list", "--json").output)
        assert retired["status"] == "retired"
        assert retired["verdict"]
    finally:
        (home / "gitpulse.yaml").unlink()


def test_a_wrong_file_is_wrong_use(gitpulse, home: Path):
    watch(home, "repositories: [x]\norganisations: []\n")
    for command in (("repos", "list"), ("repos", "check"), ("refresh",)):
        result = gitpulse(*command)
        assert result.exit_code == 2
        assert "gitpulse.yaml:2: organisations: extra inputs are not permitted" in result.output
    watch(home, "repositories: [x]\n")
    assert "gitpulse.yaml:1: repositories[0].name: " in gitpulse("repos", "list").output


def test_check_names_what_github_does_not_know(gitpulse, home: Path, sandbox: Sandbox):
    watch(home, "repositories: [acme/rocket, acme/closed, acme/nothing]\norganizations: [acme, nobody]\n")
    result = gitpulse("repos", "check")
    assert result.exit_code == 1
    assert "acme/closed has its issues disabled" in result.output
    assert "acme/nothing is not found" in result.output
    assert "acme/*: 1 of 2 repositories" in result.output
    assert "nobody/*: nobody is no organisation or user" in result.output
    watch(home, "repositories: [acme/rocket]\n")
    assert gitpulse("repos", "check").exit_code == 0


def test_check_says_in_one_line_what_of_the_lake_cannot_be_read(gitpulse, home: Path):
    watch(home, "repositories: [acme/rocket]\n")
    state = home / ".gitpulse" / "lake" / "_watch" / "membership.json"
    state.parent.mkdir(parents=True)
    state.write_text("{")
    result = gitpulse("repos", "check")
    assert result.exit_code == 1
    assert "membership.json: not a state of GitPulse" in result.output.splitlines()[-1]


def test_plan_says_the_cost_and_whether_it_is_there(gitpulse, sandbox: Sandbox):
    repository = sandbox.world.repository("acme/rocket")
    assert repository is not None
    issues = [issue for issue in repository.issues.values() if not issue.is_pull_request]
    pages = -(-len(repository.issues) // 100)
    result = gitpulse("plan", "acme/rocket")
    assert result.exit_code == 0
    assert (
        f"acme/rocket: {len(issues)} issues and {len(repository.issues) - len(issues)} pull" in result.output
    )
    assert f"{pages + 3} requests and {-(-len(issues) // 100) + 2} GraphQL points" in result.output
    assert "5,000 points until" in result.output
    assert "UTC: enough" in result.output


def test_plan_without_a_token(gitpulse, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setattr(sandbox.app, "limits", Limits(anonymous_per_hour=2))
    result = gitpulse("plan", "acme/rocket")
    assert result.exit_code == 3
    assert "at most" in result.output
    assert "not enough: it takes" in result.output
    assert "set GITHUB_TOKEN" in result.output


def test_plan_counts_on_what_is_here(refreshed):
    assert "it is here already" in refreshed.gitpulse("plan", "acme/rocket").output


def test_a_plan_of_what_is_not_there_fails(gitpulse):
    result = gitpulse("plan", "acme/nothing")
    assert result.exit_code == 1
    assert "not found" in result.output
