"""The lake's tests run over both stores: a folder, and a real S3 server (SeaweedFS)."""

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from gitpulse_assets.contracts.model import Column, TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.store import Store
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.s3_server import BUCKET, S3Server, no_caller_settings, s3_server

__all__ = ["no_caller_settings", "s3_server"]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def open_lake(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Lake]:
    """Opens the test's own lake, again and again, as further processes would."""
    # A sweep in one test must not find the scratch files of another process's.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if request.param == "folder":
        return lambda: Lake.open(str(tmp_path / "lake"))
    server: S3Server = request.getfixturevalue("s3_server")
    url = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    return lambda: Lake.open(url, server.options)


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
