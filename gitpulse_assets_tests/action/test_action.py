"""action.yml, its steps run from the file as GitHub's runner does, against a sandbox."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.model import GHOST
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import Sandbox, serve
from gitpulse_assets_tests.action.runner import ACTION, ROOT, Job, action

INSTALL = "Install GitPulse"
DAY_SECONDS = 86_400


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(generate([HistoryPlan("acme/rocket", seed=7, issue_count=450, day_count=200)])) as running:
        yield running


@dataclass
class Machines:
    """Fresh machines for one repository's workflow."""

    folder: Path
    sandbox: Sandbox
    count: int = 0

    def job(self, **inputs: str) -> Job:
        self.count += 1
        cache = self.folder / "cache"
        cache.mkdir(exist_ok=True)
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        job = Job(self.folder / f"job-{self.count}", cache, self.sandbox.base_url, 1000 + self.count, given)
        # What the step of that name installs, which `test_it_installs_itself` does.
        (job.temp / "gitpulse").symlink_to(sys.prefix)
        return job

    def requests(self) -> list[str]:
        made = [f"{one.method} {one.target}" for one in self.sandbox.app.log]
        self.sandbox.app.log.clear()
        return made


@pytest.fixture
def machines(tmp_path: Path, sandbox: Sandbox) -> Machines:
    return Machines(tmp_path, sandbox)


def test_no_cache_of_another_repository_is_restored(machines):
    """GitHub restores the newest cache whose key begins with the restore key."""
    mine, longer = (machines.job(repository=name) for name in ("acme/rocket", "acme/rocket-more"))
    (step,) = [step for step in action()["runs"]["steps"] if "cache/restore" in step.get("uses", "")]
    asked = mine.expanded(step["with"]["restore-keys"])
    assert mine.expanded(step["with"]["key"]).startswith(asked)
    assert not longer.expanded(step["with"]["key"]).startswith(asked)


@pytest.mark.dear
def test_two_weeks_of_one_workflow(machines, sandbox):
    first = machines.job(keep_issue="true")
    assert first.run(skipped=(INSTALL,)) == 0, first.log
    # What a library finds still alive when the interpreter ends is nothing for a log.
    assert "leaked" not in first.log
    assert len(machines.requests()) > 8
    outputs, acts = first.outputs, sandbox.world.acts_on("acme/rocket")
    kept = next(issue for issue in acts.repository.issues.values() if issue.body)
    assert outputs["direction"] in ("growing", "shrinking", "flat", "unclear")
    assert int(outputs["net_change"]) == kept_net_change(first.summary)
    assert re.fullmatch(r"-?\d+\.\d\d to -?\d+\.\d\d", outputs["interval"])
    assert outputs["issue"].endswith(f"/issues/{kept.number}")
    assert f"## {outputs['headline']}" in first.summary
    assert "xychart-beta" in first.summary
    assert "### Where to act first" in first.summary
    for name in ("badge.svg", "chart.svg"):
        assert ElementTree.parse(Path(outputs["folder"]) / name).getroot().tag.endswith("svg")
    assert outputs["headline"] in (Path(outputs["folder"]) / "report.html").read_text()

    sandbox.world.advance(seconds=DAY_SECONDS)
    acts.open(sandbox.world.clock, GHOST, "A crash that @everybody sees, as #1 did")
    second = machines.job(keep_issue="true")
    assert second.run(skipped=(INSTALL,)) == 0, second.log
    made = machines.requests()
    # Nothing of the list is walked again, and the issue is rewritten, not opened once more.
    assert len(made) <= 8, made
    assert [one for one in made if "graphql" not in one and not one.startswith("GET")] == [
        f"PATCH /repos/acme/rocket/issues/{kept.number}"
    ]
    assert second.outputs["issue"] == outputs["issue"]
    assert "2026-07-01" in str(kept.body)
    assert "](https://github.com/" not in str(kept.body)
    for text in (first.log, second.log, first.summary, second.summary, str(kept.body)):
        assert first.token not in text


def kept_net_change(summary: str) -> int:
    """The change that the summary's table tells."""
    found = re.search(r"\| Net change \| \*\*([+-]?[\d,]+)\*\*", summary)
    assert found
    return int(found[1].replace(",", ""))


@pytest.mark.dear
@pytest.mark.timeout(1800)
def test_it_installs_itself(tmp_path, sandbox):
    """With pip from the hash-pinned lock, as on GitHub's machine: two minutes."""
    # Not compiled: that is a third of pip's work, and one command is run. pip sets what the option would set.
    spared = {"PIP_NO_COMPILE": "0"}
    job = Job(tmp_path / "job", tmp_path / "cache", sandbox.base_url, 1, env=spared)
    job.cache.mkdir()
    assert job.run() == 0, job.log
    assert job.outputs["direction"]
    assert not list(ROOT.glob("build")), "installing leaves nothing in the action's folder"


def test_others_actions_are_pinned_by_commit():
    used = re.findall(r"uses: (\S+)", ACTION.read_text())
    assert len(used) == 3
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", one) for one in used)


def test_no_input_is_pasted_into_a_script():
    scripts = [step["run"] for step in action()["runs"]["steps"] if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)
