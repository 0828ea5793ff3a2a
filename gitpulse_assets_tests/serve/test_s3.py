"""The API over a lake on a real S3 server: the same figures, and a change seen at once."""

import uuid

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from gitpulse_assets.catalog.subjects import SILVER_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.serve.app import create_app
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.answer_lakes import ROCKET, publish
from gitpulse_assets_tests.s3_server import BUCKET, no_caller_settings, s3_server
from gitpulse_assets_tests.serve.conftest import app_of

__all__ = ["no_caller_settings", "s3_server"]

pytestmark = pytest.mark.s3

QUESTIONS = (
    "verdict",
    "summary?window=180",
    "swing-days?from=2026-01-01",
    "labels",
    "ages",
    "issues?sort=newest",
)


@pytest.fixture
def on_s3(s3_server, folder) -> Lake:
    """The folder's lake in a bucket: what was received as it is, the tables published there anew."""
    lake = Lake.open(f"s3://{BUCKET}/{uuid.uuid4().hex}", s3_server.options)
    for found in sorted(folder.rglob("*")):
        key = found.relative_to(folder).as_posix()
        if found.is_file() and not key.startswith(("_", "silver/", "gold/")):
            lake.store.put(key, found.read_bytes())
    near = Lake.open(str(folder))
    publish(
        lake, "silver", ROCKET, {table: near.dataset(table, ROCKET).to_table() for table in SILVER_TABLES}
    )
    publish(lake, "gold", ROCKET, tables_of(near))
    return lake


def test_the_figures_are_those_of_the_folder_and_a_change_is_seen(on_s3, folder):
    tables = tables_of(on_s3)
    addresses = [f"/api/repository/acme/rocket/{question}" for question in QUESTIONS]
    with TestClient(app_of(folder)) as near, TestClient(create_app(on_s3, Settings())) as far:
        for address in addresses:
            assert far.get(address).json() == near.get(address).json()
        tag = far.get(addresses[-1]).headers["etag"]
        assert far.get(addresses[-1], headers={"If-None-Match": tag}).status_code == 304
        tables[MART_ISSUE_LIFECYCLE] = tables[MART_ISSUE_LIFECYCLE].slice(1)
        publish(on_s3, "gold", ROCKET, tables)
        changed = far.get(addresses[-1], headers={"If-None-Match": tag})
        assert changed.json()["total_count"] == near.get(addresses[-1]).json()["total_count"] - 1


def tables_of(lake: Lake) -> dict[TableContract, pa.Table]:
    return {table: lake.dataset(table, ROCKET).to_table() for table in MART_TABLES}
