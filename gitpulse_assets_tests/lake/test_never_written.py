"""An object of 0 bytes is a write that never happened: what was there before stays in force."""

from collections.abc import Callable

import msgspec
import pytest

from gitpulse_assets.contracts.bronze import MANIFEST
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.store import Store
from gitpulse_assets.repo import Repo
from gitpulse_assets.watch.state import StateObject, Stop, membership, sights
from gitpulse_assets_tests.lake.test_bronze import NOW, run


def snapshot_values(lake: Lake, repo: Repo, *contracts) -> list[set[int]]:
    found = lake.snapshot("silver", repo, contracts)
    return [set(dataset.to_table()["thing_id"].to_pylist()) for dataset in found.datasets.values()]


@pytest.mark.parametrize("key_of", [paths.commit_key, paths.plan_key], ids=["commit", "plan"])
def test_the_merge_before_stays_in_force(
    lake: Lake, repo: Repo, thing, other, publish, values, key_of: Callable[..., str]
):
    """The commit's overwriting never happened, or that of the plan behind it, which nobody carried out."""
    publish(1)
    publish(2)
    before = lake.commit("silver", repo)
    lake.store.put(key_of("silver", repo), b"")
    assert lake.commit("silver", repo) == before
    assert snapshot_values(lake, repo, thing, other) == [{2}, {2}]
    assert lake.clean_up().troubles == ()
    assert lake.commit("silver", repo) == before
    publish(3)
    commit = lake.commit("silver", repo)
    assert commit
    assert (values(lake), commit.merged) == ([{3}, {3}], {"issues": {"run-1": 1, "run-2": 1, "run-3": 1}})


@pytest.mark.parametrize("key_of", [paths.commit_key, paths.plan_key], ids=["commit", "plan"])
def test_the_first_merge_of_all_goes_on(lake: Lake, repo: Repo, publish, values, key_of: Callable[..., str]):
    lake.store.put(key_of("silver", repo), b"")
    assert lake.commit("silver", repo) is None
    publish(1)
    assert values(lake) == [{1}, {1}]
    assert lake.commit("silver", repo)


def test_a_table_whose_move_never_happened_is_put_in_its_place(
    lake: Lake, repo: Repo, thing, publish, values
):
    publish(1)
    merge = lake.begin("silver", repo)
    merge.stage(thing, lake.dataset(thing, repo).to_table())
    merge.seal()
    lake.store.put(paths.table_key(thing, repo), b"")
    assert lake.clean_up().finished == (("silver", repo),)
    assert values(lake) == [{1}, {1}]


def test_a_manifest_takes_its_next_row(lake: Lake, repo: Repo):
    manifest = lake.manifest(repo)
    lake.store.put(paths.table_key(MANIFEST, repo), b"")
    assert manifest.rows() == []
    manifest.put(run(repo, "r1"))
    assert [row.run_id for row in manifest.rows()] == ["r1"]


@pytest.mark.parametrize("state_of", [membership, sights])
def test_a_state_of_the_watch_is_saved_over_it(store: Store, state_of: Callable[[Store], StateObject]):
    state = state_of(store)
    store.put(state._key, b"")
    empty = state.load()
    state.save(msgspec.structs.replace(empty, stop=Stop("the network is down", NOW)))
    assert state.load() != empty


def test_an_empty_object_is_opened_as_one(store: Store):
    """A staged table, say, whose merge died: forgetting and finishing look into it."""
    etag = store.put("empty", b"")
    opened = store.open("empty")
    assert opened
    assert (opened.size_bytes, opened.etag, opened.file.size()) == (0, etag, 0)
