"""Case 4: a bit that rotted is never served as truth: on either store, whichever engine reads."""

from collections.abc import Callable
from io import BytesIO

import duckdb
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import ObjectDamaged
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow
from gitpulse_assets.lake.store import TAIL_BYTES
from gitpulse_assets.repo import Repo
from gitpulse_assets_tests.lake.test_bronze import NOW

DAMAGED = r"^\S+/silver/thing/\S+: .*; run gitpulse repair microsoft/.github$"


def flip(lake: Lake, key: str, at: int) -> int:
    """Flip a bit of an object, counted from its end where negative; return its size."""
    stored = lake.store.get(key)
    assert stored is not None
    body = bytearray(stored.body)
    body[at] ^= 1
    lake.store.put(key, bytes(body))
    return len(body)


def test_04_in_a_page_of_a_large_table(lake: Lake, repo: Repo, thing, publish):
    """Far before the end that the commit's fingerprint covers; DuckDB scans lazily and knows no path.

    On S3 the ETag tells of a changed object when it is opened.
    """
    lake.manifest(repo).put(ManifestRow("r", repo.owner, repo.name, "issues", "running", "full", NOW))
    publish(1, 20_000)
    assert flip(lake, paths.table_key(thing, repo), 100_000) > 100_000 + TAIL_BYTES
    with connect() as con, pytest.raises(ObjectDamaged, match=DAMAGED), lake.reading(repo):
        con.from_arrow(lake.dataset(thing, repo)).max("label").fetchall()
    with pytest.raises(ObjectDamaged, match=DAMAGED), lake.reading(repo):
        lake.dataset(thing, repo).to_table()


def test_04_in_the_head_of_a_page(lake: Lake, repo: Repo, thing, publish):
    """No checksum covers it; Arrow's words for it are many, and DuckDB hands them on."""
    lake.manifest(repo).put(ManifestRow("r", repo.owner, repo.name, "issues", "running", "full", NOW))
    publish(1, 20_000)
    key = paths.table_key(thing, repo)
    stored = lake.store.get(key)
    assert stored is not None
    column = pq.read_metadata(BytesIO(stored.body)).row_group(0).column(1)
    head = column.dictionary_page_offset or column.data_page_offset
    for at, bit in ((1, 0), (1, 6), (7, 0), (9, 1), (11, 2), (13, 3)):
        body = bytearray(stored.body)
        body[head + at] ^= 1 << bit
        lake.store.put(key, bytes(body))
        with pytest.raises(ObjectDamaged, match=DAMAGED), lake.reading(repo):
            lake.dataset(thing, repo).to_table()
        with connect() as con, pytest.raises(ObjectDamaged, match=DAMAGED), lake.reading(repo):
            con.from_arrow(lake.dataset(thing, repo)).max("label").fetchall()


@pytest.mark.parametrize("at", [b'"made_at": "202', b'"row_count": ', b'"merge_id": "'])
def test_04_in_a_commit(lake: Lake, repo: Repo, publish, at: bytes):
    publish(1)
    key = paths.commit_key("silver", repo)
    stored = lake.store.get(key)
    assert stored is not None
    flip(lake, key, stored.body.index(at) + len(at))
    with pytest.raises(ObjectDamaged, match=r"_commit.json: not a commit .*; run gitpulse repair"):
        lake.commit("silver", repo)


@pytest.mark.parametrize("share", [n / 12 for n in range(12)])
def test_04_anywhere_in_a_small_table(lake: Lake, repo: Repo, thing, other, publish, share: float):
    publish(1)
    key = paths.table_key(thing, repo)
    found = lake.store.head(key)
    assert found is not None
    flip(lake, key, int(found.size_bytes * share))
    for read in (lambda: lake.dataset(thing, repo), lambda: lake.snapshot("silver", repo, [thing, other])):
        with pytest.raises(ObjectDamaged, match=DAMAGED):
            read()


def test_04_a_table_changed_by_others_is_told_at_once(lake: Lake, repo: Repo, thing, other, publish):
    """Nobody waits for a publication that is not under way."""
    publish(1)
    before = lake.store.get(paths.table_key(thing, repo))
    publish(2)
    assert before is not None
    lake.store.put(paths.table_key(thing, repo), before.body)
    with pytest.raises(ObjectDamaged, match="its bytes are not those that were published"):
        lake.snapshot("silver", repo, [thing, other])


def test_04_other_engines_bear_the_checksums_and_do_not_verify_them(
    lake: Lake, repo: Repo, thing, publish: Callable[..., None]
):
    """Why `gitpulse check` is there: DuckDB, reading the file itself, serves a flipped bit as truth."""
    publish(1, 20_000)
    key = paths.table_key(thing, repo)
    if not lake.store.uri(key).startswith("/"):
        pytest.skip("of a folder: another engine's way to S3 is an extension that is downloaded")
    query = f"select count(*), bit_xor(hash(label)) from read_parquet('{lake.store.uri(key)}')"
    before = duckdb.sql(query).fetchall()
    column = pq.read_metadata(lake.store.uri(key)).row_group(0).column(1)
    page = column.dictionary_page_offset or column.data_page_offset
    flip(lake, key, page + column.total_compressed_size - 100)
    after = duckdb.sql(query).fetchall()
    assert after != before
    assert after[0][0] == 20_000
