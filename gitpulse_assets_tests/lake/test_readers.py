"""Readers during publication: a whole old table or a whole new one, and tables that belong together."""

import random
import threading
from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths, snapshot
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError, ObjectReplaced
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo

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
            if "replaced while it was read; run again" not in str(error):
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
    with pytest.raises(ObjectReplaced, match="replaced while it was read; run again"):
        dataset.to_table()


def test_nothing_published_is_an_empty_snapshot(lake: Lake, repo: Repo, thing):
    found = lake.snapshot("silver", repo, [thing])
    assert (found.commit, found.datasets["thing"].count_rows()) == (None, 0)


def test_a_snapshot_waits_only_so_long(
    lake: Lake, repo: Repo, thing, publish, monkeypatch: pytest.MonkeyPatch
):
    publish(1)
    merge = lake.begin("silver", repo)
    merge.stage(thing, pa.table({"thing_id": [2], "label": ["x"]}, thing.arrow_schema))
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
