"""The lake's tests run over both stores: a folder, and a real S3 server (SeaweedFS)."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.model import Column, TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.store import Store
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.s3_server import Storage, no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]


@pytest.fixture
def open_lake(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Lake]:
    """Opens the test's own lake, again and again, as further processes would."""
    # A clean-up in one test must not find the scratch files of another process's.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return storage.open


@pytest.fixture
def lake(open_lake: Callable[[], Lake]) -> Lake:
    return open_lake()


@pytest.fixture
def store(lake: Lake) -> Store:
    return lake.store


@pytest.fixture
def repo() -> Repo:
    return Repo("microsoft", ".github")


@pytest.fixture
def thing() -> TableContract:
    """A small silver table of its own, so that no real contract's change breaks the lake's tests."""
    return TableContract(
        layer="silver",
        name="thing",
        description="A thing.",
        grain="one thing",
        key=("thing_id",),
        columns=(
            Column("thing_id", pa.int64(), "Its id.", nullable=False),
            Column("label", pa.string(), "Its label."),
        ),
        order_by=("thing_id",),
    )


@pytest.fixture
def other(thing: TableContract) -> TableContract:
    """A second table of the same columns."""
    return replace(thing, name="other")


@pytest.fixture
def publish(lake: Lake, repo: Repo, thing: TableContract, other: TableContract) -> Callable[..., None]:
    """Publish both tables with a number of rows that all hold one value and labels that do not compress."""

    def publish(value: int, row_count: int = 3) -> None:
        labels = [os.urandom(12).hex() for _ in range(row_count)]
        rows = pa.table({"thing_id": [value] * row_count, "label": labels}, thing.arrow_schema)
        with lake.begin("silver", repo) as publication:
            staged = [publication.stage(contract, rows) for contract in (thing, other)]
            publication.seal({"issues": {f"run-{value}": 1}})
            for table in staged:
                publication.promote(table)

    return publish


@pytest.fixture
def values(repo: Repo, thing: TableContract, other: TableContract) -> Callable[[Lake], list[set[int]]]:
    """The values each of the two tables holds."""

    def values(lake: Lake) -> list[set[int]]:
        return [set(lake.dataset(c, repo).to_table()["thing_id"].to_pylist()) for c in (thing, other)]

    return values
