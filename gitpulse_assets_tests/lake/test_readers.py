"""Readers during publication: a whole old table or a whole new one, and tables that belong together."""

import random
import threading
from collections.abc import Callable

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.lake import paths, snapshot
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError, ObjectReplaced
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.s3_server import S3Server

ROWS = 40_000
MERGES = 8


@pytest.fixture
def publishing(publish: Callable[..., None]):
    """Publishes one merge after the other while the test reads."""
    publish(0, ROWS)

    def work() -> None:
        for value in range(1, MERGES + 1):
            publish(value, ROWS + value)

    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join()


def test_a_reader_sees_one_version_whole(publishing, open_lake, repo: Repo, thing: TableContract):
    lake, con, read_count, seen = open_lake(), connect(), 0, set()
    while publishing.is_alive() or not read_count:
        con.register("published", lake.dataset(thing, repo))
        try:
            found = con.execute("select thing_id, count(label) from published group by all").fetchall()
        except duckdb.Error as error:
            if "another run published it anew while it was read; run it again" not in str(error):
                raise
            continue
        assert [count - value for value, count in found] == [ROWS]
        seen.add(found[0][0])
        read_count += 1
    assert len(seen) > 1


def test_a_snapshot_is_of_one_merge(publishing, open_lake, repo: Repo, thing, other):
    lake, read_count = open_lake(), 0
    while publishing.is_alive() or not read_count:
        found = lake.snapshot("silver", repo, [thing, other])
        try:
            ids = [set(d.to_table()["thing_id"].to_pylist()) for d in found.datasets.values()]
        except ObjectReplaced:
            continue
        assert found.commit is not None
        assert ids[0] == ids[1]
        assert f"run-{next(iter(ids[0]))}" in found.commit.merged["issues"]
        read_count += 1


def test_a_dataset_on_a_folder_outlives_its_replacement(tmp_path, repo: Repo, thing: TableContract):
    lake = Lake.open(str(tmp_path))
    _put(lake, repo, thing, [1] * 10)
    dataset = lake.dataset(thing, repo)
    assert dataset.count_rows() == 10
    _put(lake, repo, thing, [2] * 99)
    assert dataset.to_table()["thing_id"].to_pylist() == [1] * 10


@pytest.mark.s3
def test_a_dataset_on_s3_refuses_to_mix_two_versions(s3_server, repo: Repo, thing: TableContract):
    """pyarrow's own S3 file system reads ranges of whatever lies there now."""
    lake = Lake.open("s3://lake/mixed", s3_server.options)
    numbers = random.Random(1)
    _put(lake, repo, thing, [numbers.getrandbits(60) for _ in range(100_000)])
    dataset = lake.dataset(thing, repo)
    _put(lake, repo, thing, [numbers.getrandbits(60) for _ in range(100_000)])
    with pytest.raises(ObjectReplaced, match="published it anew while it was read; run it again"):
        dataset.to_table()


@pytest.mark.s3
def test_what_a_lazy_read_meets_inside_duckdb_is_one_line(own_server: S3Server, repo: Repo, thing):
    """DuckDB hands it on as text, a traceback of many lines."""
    lake = Lake.open("s3://lake/lazy", own_server.options)
    numbers = random.Random(1)

    def opened() -> ds.Dataset:
        _put(lake, repo, thing, [numbers.getrandbits(60) for _ in range(100_000)])
        return lake.dataset(thing, repo)

    replaced, current = opened(), opened()
    assert told_of(lake, repo, replaced).endswith(
        "another run published it anew while it was read; run it again"
    )
    own_server.kill()
    assert told_of(lake, repo, current).endswith("set AWS_ENDPOINT_URL to the server's address, or start it")


def told_of(lake: Lake, repo: Repo, dataset: ds.Dataset) -> str:
    """Read through DuckDB as an asset's step does, and return the one line it fails with."""
    with pytest.raises(dg.Failure) as caught, lake_errors(lake, repo), connect() as con:
        con.from_arrow(dataset).sum("thing_id").fetchall()
    line = str(caught.value.description)
    assert line.startswith("s3://lake/lazy/silver/thing/")
    assert "\n" not in line
    return line


def test_an_error_of_duckdb_itself_stays_what_it_is():
    with pytest.raises(duckdb.CatalogException), lake_errors(), connect() as con:
        con.execute("select * from absent")


def test_nothing_published_is_an_empty_snapshot(lake: Lake, repo: Repo, thing):
    found = lake.snapshot("silver", repo, [thing])
    assert (found.commit, found.datasets["thing"].count_rows()) == (None, 0)


def test_a_snapshot_waits_only_so_long(
    lake: Lake, repo: Repo, thing, publish, monkeypatch: pytest.MonkeyPatch
):
    publish(1)
    merge = lake.begin("silver", repo)
    merge.stage(thing, pa.table({"thing_id": [2], "label": ["x"]}, thing.arrow_schema))
    merge.seal()
    lake.store.move(paths.staged_key(merge.merge_id, thing), paths.table_key(thing, repo))
    monkeypatch.setattr(snapshot, "WAIT_SECONDS", 0.2)
    with pytest.raises(LakeError, match=r"microsoft/\.github: silver is being published"):
        lake.snapshot("silver", repo, [thing])


def _put(lake: Lake, repo: Repo, contract: TableContract, ids: list[int]) -> None:
    merge = lake.begin("silver", repo)
    rows = pa.table({"thing_id": ids, "label": [None] * len(ids)}, contract.arrow_schema)
    staged = merge.stage(contract, rows)
    merge.seal()
    merge.promote(staged)
