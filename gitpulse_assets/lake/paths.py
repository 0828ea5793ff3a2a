"""Where every object of the lake lies: keys below the root, with `/` between their parts.

People's BI queries rely on `<layer>/<table>/repo_owner=<o>/repo_name=<r>/…parquet`. Nothing is read here.
"""

import re

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.repo import Repo

STAGING = "_staging/"
DAMAGED = "_damaged/"

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_BATCH = re.compile(r"/run_id=([^/]+)/batch-(\d+)\.parquet$")
_PARTITION = re.compile(r"(?:^|/)repo_owner=([^/]+)/repo_name=([^/]+)/")


def partition(repo: Repo) -> str:
    """The hive-style folders of one repository."""
    return f"repo_owner={repo.owner}/repo_name={repo.name}"


def repo_of(key: str) -> Repo | None:
    """The repository an object belongs to, or None where its key names none."""
    found = _PARTITION.search(key)
    return Repo(*found.groups()) if found else None


def table_key(contract: TableContract, repo: Repo) -> str:
    """The one object of a table and repository that is replaced whole."""
    return f"{contract.folder}/{partition(repo)}/data.parquet"


def published_key(layer: Layer, name: str, repo: Repo) -> str:
    """The same by the names that a commit gives: no commit is of bronze."""
    return f"{layer}/{name}/{partition(repo)}/data.parquet"


def run_prefix(contract: TableContract, repo: Repo, run_id: str) -> str:
    """The folder of what one run received of a bronze table."""
    if not RUN_ID.fullmatch(run_id):
        raise LakeError(f"{run_id!r} cannot name a run; use letters, digits, - and _")
    return f"{contract.folder}/{partition(repo)}/run_id={run_id}/"


def batch_key(contract: TableContract, repo: Repo, run_id: str, number: int) -> str:
    """One batch of a run, numbered from 1."""
    return f"{run_prefix(contract, repo, run_id)}batch-{number:05d}.parquet"


def batch_place(key: str) -> tuple[str, int] | None:
    """The run and number of a batch, or None where the key is no batch's."""
    found = _BATCH.search(key)
    return (found[1], int(found[2])) if found else None


def commit_prefix(layer: Layer) -> str:
    """The folder that holds what was published of every repository of a layer."""
    return f"{layer}/_commit/"


def commit_key(layer: Layer, repo: Repo) -> str:
    """Which tables belong together; written last."""
    return f"{commit_prefix(layer)}{partition(repo)}/_commit.json"


def plan_key(layer: Layer, repo: Repo) -> str:
    """What is being published, or was last; written before the first table moves."""
    return f"{commit_prefix(layer)}{partition(repo)}/_plan.json"


def damaged_key(key: str) -> str:
    """Where a damaged object lies after a repair, for people who can get something out of it."""
    return f"{DAMAGED}{key}"


def report_key(repo: Repo) -> str:
    """The report of one repository: a file for people, which no table is made from."""
    return f"report/backlog_report/{partition(repo)}/index.html"


def staging_prefix(merge_id: str) -> str:
    """The folder of everything one merge staged."""
    return f"{STAGING}{merge_id}/"


def staged_key(merge_id: str, contract: TableContract) -> str:
    """A table as one merge made it, before it is published; a merge is of one layer and repository."""
    return f"{staging_prefix(merge_id)}{contract.name}.parquet"
