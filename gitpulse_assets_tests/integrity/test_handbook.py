"""Case 2: the handbook's page on backups, followed word for word while refreshes run, by bash.

Docker is stood in for by a script that runs the command in this machine's environment, as `compose exec`
does in the container's.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.s3_store import connect
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets_tests.crash.pipeline import REPO, Place, Run
from gitpulse_assets_tests.history.rebuilding import differences
from gitpulse_assets_tests.integrity.conftest import Load
from gitpulse_assets_tests.s3_server import SharedServer

HANDBOOK = Path(__file__).parents[2] / "docs" / "operations.md"
BUCKETS = ("gitpulse", "gitpulse-backup")
DOCKER = """#!/usr/bin/env bash
set -euo pipefail
[ "$1 $2" = "compose stop" ] && exit 0
[ "$1 $2" = "compose exec" ] && shift 2
while [ "$1" = -e ]; do export "$2"; shift 2; done
[ "$1" = code ] && shift && exec "$@"
"""


def commands() -> list[str]:
    """The shell commands of the section on backups, block by block."""
    section = HANDBOOK.read_text().partition("\n## Back up\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def followed(block: str, machine: Path, environment: dict[str, str]) -> str:
    """Run a block in an empty folder, with this repository and folder in the place of the example's."""
    script = block.replace("owner/name", REPO.key)
    for disk in ("/mnt/", "/srv/"):
        script = script.replace(f" {disk}", f" {machine}{disk}").replace(f"={disk}", f"={machine}{disk}")
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """An empty home with a `docker` on its path."""
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture
def s3(s3_server: SharedServer) -> Iterator[S3Options]:
    """The handbook's buckets, empty, and emptied again."""
    client = connect(s3_server.options)
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
    yield s3_server.options
    for bucket in BUCKETS:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", []):
                client.delete_object(Bucket=bucket, Key=found["Key"])
        client.delete_bucket(Bucket=bucket)


@pytest.fixture
def environment(machine: Path, s3: S3Options) -> dict[str, str]:
    """What the settings of the container and of a machine without Docker say."""
    programs = (machine / "bin", Path(sys.executable).parent, "/usr/bin", "/bin")
    return {
        "PATH": os.pathsep.join(map(str, programs)),
        "HOME": str(machine / "home"),
        "GITPULSE_LAKE_URL": "s3://gitpulse/lake",
        "AWS_ENDPOINT_URL": str(s3.endpoint_url),
        "AWS_ACCESS_KEY_ID": str(s3.access_key_id),
        "AWS_SECRET_ACCESS_KEY": str(s3.secret_access_key),
        "AWS_REGION": str(s3.region),
    }


@pytest.mark.s3
@pytest.mark.slow
def test_02_a_backup_under_load_is_restored_by_the_handbook(
    machine: Path, s3: S3Options, environment: dict[str, str]
):
    """Into an empty place of a bucket and an empty folder; every cell is what its commit published."""
    back_up, *restores = commands()
    assert len(restores) == len(BUCKETS)
    plan = HistoryPlan(REPO.key, seed=9, issue_count=40, day_count=60, body_bytes_mean=50)
    with serve(generate([plan])) as sandbox:
        place = Place("s3://gitpulse/lake", s3, sandbox.base_url)
        load = Load(place, sandbox)
        load.round()
        thread = threading.Thread(target=load.rounds, args=(3,))
        thread.start()
        followed(back_up, machine, environment)
        assert thread.is_alive()
        thread.join()
        assert load.error is None
        for block in restores:
            assert f"{REPO}: nothing is damaged" in followed(block, machine, environment)
        for url in ("s3://gitpulse/lake-restored", f"{machine}/srv/gitpulse/lake-restored"):
            restored = Place(url, s3, sandbox.base_url)
            load.compare(restored.open())
            assert differences(restored.open(), REPO) == {}
            run = Run(restored, "run-after")
            run.extract(is_full=True)
            run.merge()
            assert restored.open().examine(REPO) == []
