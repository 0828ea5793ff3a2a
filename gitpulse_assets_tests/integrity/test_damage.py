"""Case 3: every kind of object, damaged in every way, on both stores: what is said, what helps, what goes."""

import re
from collections import Counter
from collections.abc import Callable
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets.pipeline.merge import merge
from gitpulse_assets.upkeep.retention import batches
from gitpulse_assets_tests.crash.pipeline import REPO, Run
from gitpulse_assets_tests.integrity.conftest import Made, tables_of
from gitpulse_assets_tests.s3_server import s3_is_slow

BATCHES = tuple(table for table in BRONZE if table is not bronze.MANIFEST)
OBJECTS = {
    "manifest": paths.table_key(bronze.MANIFEST, REPO),
    "bronze/issues batch": paths.batch_key(bronze.ISSUES, REPO, "run-1", 1),
    "bronze/issue_page batch": paths.batch_key(bronze.ISSUE_PAGE, REPO, "run-1", 1),
    "bronze/issue_timeline batch": paths.batch_key(bronze.ISSUE_TIMELINE, REPO, "run-1", 1),
    "bronze/repository batch": paths.batch_key(bronze.REPOSITORY, REPO, "run-1", 1),
    "bronze/control_total batch": paths.batch_key(bronze.CONTROL_TOTAL, REPO, "run-1", 1),
    "bronze/reconciliation batch": paths.batch_key(bronze.RECONCILIATION, REPO, "run-1", 1),
    "silver plan": paths.plan_key("silver", REPO),
    "silver commit": paths.commit_key("silver", REPO),
    "gold plan": paths.plan_key("gold", REPO),
    "gold commit": paths.commit_key("gold", REPO),
    "silver/issue_current": paths.table_key(silver.ISSUE_CURRENT, REPO),
    "silver/issue_body": paths.table_key(silver.ISSUE_BODY, REPO),
    "silver/issue_transitions": paths.table_key(silver.ISSUE_TRANSITIONS, REPO),
    "silver/reconciliation": paths.table_key(silver.RECONCILIATION, REPO),
    "silver/sync_state": paths.table_key(silver.SYNC_STATE, REPO),
    "gold/mart_issue_lifecycle": paths.table_key(MART_ISSUE_LIFECYCLE, REPO),
    "gold/mart_issue_daily_flow": paths.table_key(MART_ISSUE_DAILY_FLOW, REPO),
    "gold/mart_backlog_verdict": paths.table_key(MART_BACKLOG_VERDICT, REPO),
}
# One of each kind, and of those on S3 one that is read here and one that Arrow reads; `make prove` has all.
SUITE = {
    "manifest",
    *("bronze/issues batch", "bronze/issue_page batch", "bronze/repository batch"),
    *("silver plan", "silver commit", "gold plan", "gold commit"),
    *("silver/issue_current", "silver/reconciliation", "silver/sync_state", "gold/mart_issue_lifecycle"),
}
SUITE_ON_S3 = {"silver commit", "silver/issue_current"}
CASES = [
    pytest.param(storage, name, marks=[*marks, *(() if name in suite else (pytest.mark.slow,))])
    for storage, marks, suite in (("folder", (), SUITE), ("s3", (pytest.mark.s3,), SUITE_ON_S3))
    for name in OBJECTS
]
# What comes back by itself at the next use: nothing is wrong with the repository.
HARMLESS = {(name, how) for name in ("silver plan", "gold plan") for how in ("gone", "0 bytes")}
HARMLESS |= {("silver commit", "0 bytes"), ("gold commit", "0 bytes")}


def flipped(body: bytes) -> bytes:
    """One bit of a page's data, of a JSON document its first bracket's."""
    at = 0
    if body[:4] == b"PAR1":
        column = pq.read_metadata(BytesIO(body)).row_group(0).column(0)
        at = column.file_offset or (column.dictionary_page_offset or column.data_page_offset)
        at += column.total_compressed_size - 1
    return body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda body: None,
    "0 bytes": lambda body: b"",
    "cut": lambda body: body[: len(body) // 2],
    "a bit flipped": flipped,
}


def damage(lake: Lake, key: str, how: str) -> bytes:
    """Damage an object and return what it was."""
    stored = lake.store.get(key)
    assert stored is not None, key
    after = DAMAGES[how](stored.body)
    if after is None:
        lake.store.delete(key)
    else:
        lake.store.put(key, after)
    return stored.body


def what_is_said(lake: Lake) -> str:
    """The first thing a run or a reader says that uses everything of the repository."""
    try:
        with lake.reading(REPO):
            rows = lake.manifest(REPO).rows()
            for layer in ("silver", "gold"):
                wanted = [table for table in CATALOG if table.layer == layer]
                for dataset in lake.snapshot(layer, REPO, wanted).datasets.values():
                    dataset.to_table()
                lake.begin(layer, REPO)
            for table in BATCHES:
                counted = batches(row for row in rows if row.stream == table.name)
                lake.bronze_dataset(table, REPO, counted).to_table()
            pages = [(row.run_id, range(1, row.page_batch_count + 1)) for row in rows if row.page_batch_count]
            lake.bronze_dataset(bronze.ISSUE_PAGE, REPO, pages).to_table()
    except LakeError as error:
        return str(error)
    return "nothing: it goes on"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is lost looks like a publication under way, for which readers wait."""
    monkeypatch.setattr("gitpulse_assets.lake.snapshot.WAIT_SECONDS", 0.1)


@pytest.mark.parametrize(("storage", "name"), CASES, indirect=["storage"])
def test_03_it_is_named_with_the_command(lake: Lake, name: str, damage_table: list[tuple[str, ...]]):
    damaged_in_every_way(lake, name, OBJECTS[name], damage_table)


@s3_is_slow
@pytest.mark.parametrize("name", ["departure", "event_walk", "folded_run"])
def test_03_so_is_what_only_some_lakes_have(worn_lake: Lake, name: str, damage_table: list[tuple[str, ...]]):
    """Answers about issues that left, places in a list of events, and the list of folded runs."""
    (batch,) = worn_lake.store.list(f"bronze/github/{name}/")
    damaged_in_every_way(worn_lake, f"bronze/{name} batch", batch.key, damage_table)


@pytest.mark.parametrize("name", ["departure", "event_walk", "folded_run"])
def test_03_mending_it_costs_no_table_anything(worn_folder: Lake, name: str):
    before = tables_of(worn_folder)
    (batch,) = worn_folder.store.list(f"bronze/github/{name}/")
    damage(worn_folder, batch.key, "cut")
    assert not worn_folder.mend(REPO, worn_folder.examine(REPO))
    assert worn_folder.examine(REPO) == []
    assert tables_of(worn_folder) == before


def test_03_a_rebuild_without_what_became_of_a_departed_issue_is_refused(worn_folder: Lake):
    """It would be open again, in as many rows."""
    (batch,) = worn_folder.store.list("bronze/github/departure/")
    damage(worn_folder, batch.key, "gone")
    worn_folder.mend(REPO, worn_folder.examine(REPO))
    with connect() as con, pytest.raises(LakeError, match=r"less than stands: .* of issue_sighting"):
        merge(con, worn_folder, REPO, is_rebuild=True)


def damaged_in_every_way(lake: Lake, name: str, key: str, damage_table: list[tuple[str, ...]]) -> None:
    """Damage an object, look what is found and said, and put it back, in every way."""
    for how in DAMAGES:
        before = damage(lake, key, how)
        found, said = lake.examine(REPO), what_is_said(lake)
        if (name, how) in HARMLESS:
            assert (found, said) == ([], "nothing: it goes on")
            damage_table.append((name, how, said, "none is needed", "nothing"))
        else:
            assert [one.key for one in found] == [key], how
            assert_acts(said, lake, key, how)
            place = lake.store.uri(key)
            shown = re.sub(r"\(.*\)", "(…)", said.replace(place, "ADDRESS"))
            damage_table.append((name, how, shown, found[0].remedy, found[0].lost))
        lake.store.put(key, before)
    assert lake.examine(REPO) == []


def assert_acts(said: str, lake: Lake, key: str, how: str) -> None:
    """One line that names the object and the command; a lost commit is made again by any refresh."""
    assert "\n" not in said
    if key.endswith("_commit.json") and how == "gone":
        assert said.endswith("is being published, or its publication was cut short; refresh it again")
        return
    assert said.startswith(lake.store.uri(key))
    assert said.endswith("; run gitpulse repair acme/rocket")


def mended(lake: Lake, run: Run, *, accepts_loss: bool = False) -> None:
    """Do what `gitpulse repair` does, without Dagster's instance around it."""
    if lake.mend(REPO, lake.examine(REPO)):
        run.merge(is_rebuild=True, accepts_loss=accepts_loss)
    assert lake.examine(REPO) == []


@pytest.mark.parametrize("name", ["silver commit", "gold commit", "silver plan"])
def test_03_records_of_a_publication_are_mended_without_loss(
    made: Made, folder_lake: Lake, run_on, name: str
):
    damage(folder_lake, OBJECTS[name], "cut")
    found = folder_lake.examine(REPO)
    assert not folder_lake.mend(REPO, found)
    assert tables_of(folder_lake) == made.tables


def test_03_plan_and_commit_lost_together(made: Made, folder_lake: Lake, run_on):
    for layer in ("silver", "gold"):
        damage(folder_lake, paths.plan_key(layer, REPO), "cut")
        damage(folder_lake, paths.commit_key(layer, REPO), "0 bytes")
    mended(folder_lake, run_on(folder_lake, "run-3"))
    assert tables_of(folder_lake) == made.tables


@s3_is_slow
def test_03_tables_are_made_anew_without_loss(made: Made, lake: Lake, run_on):
    some = ("issue_current", "issue_transitions", "issue_labels", "sync_state")
    for name, how in zip(some, DAMAGES, strict=True):
        damage(lake, paths.published_key("silver", name, REPO), how)
    damage(lake, OBJECTS["gold/mart_issue_lifecycle"], "cut")
    mended(lake, run_on(lake, "run-3"))
    assert tables_of(lake) == made.tables


def test_03_the_log_of_repairs_is_all_that_goes_with_its_table(made: Made, folder_lake: Lake, run_on):
    damage(folder_lake, OBJECTS["silver/reconciliation"], "a bit flipped")
    mended(folder_lake, run_on(folder_lake, "run-3"))
    found = tables_of(folder_lake)
    assert found | {"reconciliation": made.tables["reconciliation"]} == made.tables
    assert found["reconciliation"] == Counter()


@s3_is_slow
def test_03_a_lost_batch_costs_no_table_anything(made: Made, lake: Lake, run_on):
    """Refreshes and full walks go on, and a rebuild that would lose its records is refused."""
    damage(lake, OBJECTS["bronze/issues batch"], "cut")
    mended(lake, run_on(lake, "run-3"))
    assert tables_of(lake) == made.tables
    with pytest.raises(LakeError, match="less than stands"):
        run_on(lake, "run-4").merge_silver(is_rebuild=True)
    run = run_on(lake, "run-5")
    run.extract(is_full=True)
    run.merge()
    assert tables_of(lake)["issue_transitions"] == made.tables["issue_transitions"]
    run_on(lake, "run-6").merge_silver(is_rebuild=True, accepts_loss=True)
    assert sum(tables_of(lake)["issue_current"].values()) == sum(made.tables["issue_current"].values())


@s3_is_slow
def test_03_what_lies_among_ranges_and_is_none_of_them_is_named_and_set_aside(made: Made, lake: Lake):
    """A reader of whole folders has its rows beside those of the table."""
    stored = lake.store.get(OBJECTS["silver/issue_current"])
    stray = paths.table_key(silver.ISSUE_CURRENT, REPO, "000005000-000009999")
    assert stored is not None
    lake.store.put(stray, stored.body)
    (found,) = lake.examine(REPO)
    assert (found.key, found.remedy) == (stray, "set aside")
    assert not lake.mend(REPO, [found])
    assert lake.examine(REPO) == []
    assert lake.store.head(stray) is None
    aside = lake.store.get(paths.damaged_key(stray))
    assert aside is not None
    assert aside.body == stored.body
    assert tables_of(lake) == made.tables


def test_03_what_cannot_be_read_is_not_put_down_to_what_nothing_reads(folder_lake: Lake):
    stray = paths.table_key(silver.ISSUE_CURRENT, REPO, "000005000-000009999")
    folder_lake.store.put(stray, b"")
    with pytest.raises(OSError, match="of another place"), folder_lake.reading(REPO):
        raise OSError("of another place")


def test_03_what_cannot_be_read_is_set_aside(folder_lake: Lake):
    key = OBJECTS["bronze/issues batch"]
    damage(folder_lake, key, "cut")
    cut = folder_lake.store.get(key)
    folder_lake.mend(REPO, folder_lake.examine(REPO))
    aside = folder_lake.store.get(paths.damaged_key(key))
    assert aside is not None
    assert cut is not None
    assert aside.body == cut.body


def test_03_a_batch_and_a_table_lost_at_once_need_the_word(made: Made, folder_lake: Lake, run_on):
    damage(folder_lake, OBJECTS["bronze/issues batch"], "cut")
    damage(folder_lake, OBJECTS["silver/issue_current"], "cut")
    with pytest.raises(LakeError, match=r"less than stands.*--accept-loss"):
        mended(folder_lake, run_on(folder_lake, "run-3"))
    mended(folder_lake, run_on(folder_lake, "run-3"), accepts_loss=True)
    assert made.tables["issue_current"] > tables_of(folder_lake)["issue_current"]
