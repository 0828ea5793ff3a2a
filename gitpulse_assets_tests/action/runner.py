"""Runs the steps of action.yml as GitHub's runner does: its expressions, its variables and files, its cache.

The actions of others that it uses are acted out: Python is this one, the cache a folder.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
CACHE_IS_USED = "inputs.lake-url == ''"
# What a step has of this machine; all else is the runner's or the step's.
KEPT = ("PATH", "HOME", "LANG", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "PYTHONWARNINGS")


def action() -> dict[str, Any]:
    return yaml.safe_load(ACTION.read_text(encoding="utf-8"))


@dataclass
class Job:
    """One job on a fresh machine; `cache` outlives it, as GitHub's does; `server` is the API's address."""

    folder: Path
    cache: Path
    server: str
    run_id: int
    inputs: dict[str, str] = field(default_factory=dict)
    token: str = "the_workflow_s_own_token"
    env: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def __post_init__(self) -> None:
        self.temp = self.folder / "_temp"
        self.temp.mkdir(parents=True)
        self.workspace = self.folder / "work"
        self.workspace.mkdir()
        # A repository's own settings are not the action's.
        (self.workspace / ".env").write_text(
            "GITHUB_API_URL=http://127.0.0.1:9\nGITPULSE_LAKE_URL=s3://elsewhere/x\n"
        )
        given = {name: self.expanded(one["default"]) for name, one in action()["inputs"].items()}
        self.inputs = given | self.inputs

    def expanded(self, text: Any) -> str:
        """A text with its expressions replaced by their values."""
        return EXPRESSION.sub(lambda found: self.value(found[1]), str(text))

    def value(self, expression: str) -> str:
        known = {
            "github.repository": "acme/rocket",
            "github.token": self.token,
            "github.run_id": str(self.run_id),
            "github.run_attempt": "1",
            "runner.temp": str(self.temp),
        }
        if expression in known:
            return known[expression]
        scope, _, name = expression.partition(".")
        if scope == "inputs":
            return self.inputs[name]
        assert scope == "steps", f"no runner knows {expression}"
        step, _, output = name.partition(".outputs.")
        return self.steps[step].get(output, "")

    def run(self, skipped: tuple[str, ...] = ()) -> int:
        """Run the steps in order and return the worst exit code; those named in `skipped` are not run."""
        code = 0
        for step in action()["runs"]["steps"]:
            condition = step.get("if", "")
            is_always = "always()" in condition
            if (code and not is_always) or (CACHE_IS_USED in condition and self.inputs["lake-url"]):
                continue
            if step.get("name") not in skipped:
                code = (self.used(step) if "uses" in step else self.shell(step)) or code
        return code

    def used(self, step: dict[str, Any]) -> int:
        name = step["uses"].partition("@")[0]
        given = {key: self.expanded(value) for key, value in step["with"].items()}
        if name == "actions/setup-python":
            self.steps[step["id"]] = {"python-path": str(Path(sys._base_executable))}
        elif name == "actions/cache/restore":
            kept = [
                place for place in self.cache.iterdir() if place.name.startswith(keyed(given["restore-keys"]))
            ]
            if kept:
                shutil.copytree(max(kept, key=lambda place: place.stat().st_mtime_ns), given["path"])
        else:
            assert name == "actions/cache/save", name
            shutil.copytree(given["path"], self.cache / keyed(given["key"]))
        return 0

    def shell(self, step: dict[str, Any]) -> int:
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        output = files["GITHUB_OUTPUT"] = self.folder / f"output-{step['name']}"
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {name: str(path) for name, path in files.items()}
        environment |= {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.server,
            "GITHUB_GRAPHQL_URL": f"{self.server}/graphql",
            "GITHUB_REPOSITORY": "acme/rocket",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        environment |= self.env
        environment |= {name: self.expanded(value) for name, value in step.get("env", {}).items()}
        script = self.folder / "script.sh"
        script.write_text(self.expanded(step["run"]))
        place = self.expanded(step.get("working-directory", self.workspace))
        assert step["shell"] == "bash"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            command,
            env=environment,
            cwd=place,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.log += done.stdout
        lines = output.read_text().splitlines() if output.exists() else []
        self.steps[step.get("id", step["name"])] = dict(line.split("=", 1) for line in lines)
        return done.returncode

    @property
    def summary(self) -> str:
        path = self.folder / "GITHUB_STEP_SUMMARY"
        return path.read_text() if path.exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        return {name: self.expanded(one["value"]) for name, one in action()["outputs"].items()}


def keyed(key: str) -> str:
    """A key as the name of a folder."""
    return key.replace("/", "+")
