"""From the stand-in GitHub to the marts, held against the oracle by the cell: full, in pieces, and cut short.

The truth is what the stand-in wrote down as it acted. `GITPULSE_SUBJECTS=contributors pytest -m slow -s` on
this folder prints how many cells were compared and wrong.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.collect import known
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_transfer import MART_ISSUE_TRANSFER
from gitpulse_assets.members.looking import roll_of
from gitpulse_assets.pipeline.marts import last_walk_at
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World as Sandbox
from gitpulse_assets.streams import conversations, pull_requests
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets.upkeep.retention import batches
from gitpulse_assets.watch.watch_list import RepoOptions
from gitpulse_assets_tests.contributors import oracle_transfers
from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, Row, compared
from gitpulse_assets_tests.contributors.oracle_threads import time_in_label
from gitpulse_assets_tests.contributors.oracle_transfers import issue_transfer
from gitpulse_assets_tests.contributors.sandbox_world import left_threads, moment, moved_issues, world_of
from gitpulse_assets_tests.contributors.test_marts_and_oracle import NAIVE, naive_marts
from gitpulse_assets_tests.contributors.truth import World
from gitpulse_assets_tests.contributors.witness import Killed, Source, Witness
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.people.lakes import submit_old_drafts

REPO = Repo("acme", "rocket")
# What a watch list may say of it.
OPTIONS = (
    RepoOptions(),
    RepoOptions(0, ("build-service",), ("Waiting*", "quest?on*"), "Asia/Tokyo", "DE", response_days=1),
)
# Ids of every width in which MessagePack packs them; the labels' are five apart.
REPOSITORY_IDS = (None, 5, 200, 8_514, 70_000)
LABEL_IDS = (None, 1, 110, 240, 65_520, 2**32 - 20)
# What a first look at so small a repository asks, about.
FIRST_REQUESTS = 24
SHARES = ("transferred_in_share", "transferred_out_share", "deleted_share", "converted_share", "hidden_share")


def reader_of(folder: Path, seed: int) -> Reader:
    """A reader of a repository in which all of it happens often."""
    rng, ids = Random(seed), Random(f"ids of {seed}")
    plan = HistoryPlan(
        REPO.key,
        seed,
        issue_count=rng.choice((5, 20, 40)),
        day_count=rng.choice((20, 100, 400)),
        body_bytes_mean=10,
        login_renames_per_year=20,
        has_people=True,
        repository_id=ids.choice(REPOSITORY_IDS),
        first_label_id=ids.choice(LABEL_IDS),
        **dict.fromkeys(SHARES, 0.05),
    )
    world = generate([plan])
    world.organization(REPO.owner).roles["good-token"] = "member"
    world.acts_on(REPO.key).repository.since_goes_by_beginning = seed % 4 == 3
    return Reader(world, REPO, folder)


@dataclass
class Life:
    """A repository that was read now and then, and how its watch list has it read."""

    reader: Reader
    witness: Witness
    options: RepoOptions
    accounts: dict[str, int] = field(default_factory=dict[str, int])
    request_count: int = FIRST_REQUESTS

    def sync(self, *, is_full: bool = False) -> None:
        """Sync, and know the account of each login then, and how many requests such a run takes."""
        facts = self.reader.world.acts_on(REPO.key).facts
        self.accounts |= {fact.actor.login: fact.actor.user_id for fact in facts if fact.actor}
        before = self.witness.request_count
        self.reader.sync(is_full=is_full)
        self.request_count = self.witness.request_count - before

    def cut_short(self, requests: int) -> None:
        """Sync until the process is killed at a request; the next run goes on with what this one kept."""
        self.witness.requests_left = requests
        try:
            self.sync()
        except Killed:
            at = self.reader.world.clock
            self.witness.take_back(at, self.lost(moment(at)))
        self.witness.requests_left = None

    def lost(self, at: datetime) -> list[Source]:
        """The kinds of answers of which the lake has none that was received at `at`."""
        lake = self.reader.lake
        kept: dict[Source, list[datetime]] = {
            "issues": received(lake, ISSUES),
            "issue_timeline": received(lake, ISSUE_TIMELINE),
            "looks": [look.looked_at for look in roll_of(lake, Organization(REPO.owner)).looks],
        }
        return [source for source, moments in kept.items() if at not in moments]


def received(lake: Lake, table: TableContract) -> list[datetime]:
    """When the batches of a table came."""
    rows = [row for row in lake.manifest(REPO).rows() if row.stream == table.name]
    times = lake.bronze_dataset(table, REPO, batches(rows)).to_table(columns=["fetched_at"])
    return times["fetched_at"].unique().to_pylist()


def lived_through(folder: Path, seed: int) -> Life:
    """Sync now and then, killed now and then, and at last in full."""
    reader, rng = reader_of(folder, seed), Random(seed)
    life, world = Life(reader, Witness(reader.app), rng.choice(OPTIONS)), reader.world
    organization, ties = world.organization(REPO.owner), Random(f"ties of {seed}")
    for _ in range(rng.randrange(4)):
        organization.empty_lists = ALWAYS if rng.random() < 0.2 else 0
        if rng.random() < 0.4:
            life.cut_short(rng.randrange(life.request_count))
            world.advance(seconds=rng.choice((0, 40, 5000)))
        life.sync()
        change_ties(world, ties)
        world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 9 * DAY_SECONDS))
        change_a_label(world, rng)
    organization.empty_lists = ALWAYS if rng.random() < 0.2 else 0
    life.sync(is_full=True)
    return life


def change_ties(world: Sandbox, rng: Random) -> None:
    """Let others maintain the repository: what was said before goes on by what it was received with."""
    acts = world.acts_on(REPO.key)
    everybody = {fact.actor.user_id: fact.actor for fact in acts.facts if fact.actor}
    for user in rng.sample(list(everybody.values()), min(3, len(everybody))):
        user.association = rng.choice(("NONE", "CONTRIBUTOR", "MEMBER", "COLLABORATOR", "OWNER"))
    acts.forget_rendered()


def change_a_label(world: Sandbox, rng: Random) -> None:
    """Rename a label or delete one, often enough."""
    acts, draw = world.acts_on(REPO.key), rng.random()
    label = rng.choice(acts.repository.labels)
    if draw < 0.3:
        acts.rename_label(label, f"{label.name} of {rng.randrange(1000)}")
    elif draw < 0.6:
        acts.delete_label(label, world.clock)


def judged(life: Life) -> tuple[Compared, World]:
    """Every mart against the oracle; and the truth."""
    reader = life.reader
    as_of_at = last_walk_at(reader.lake.dataset(SYNC_STATE, REPO))
    truth, result = world_of(reader.world, REPO.key, as_of_at, life.witness), Compared()
    truth = replace(truth, **told_by(life.options))
    with reader.gold(life.options) as con:
        for name, (oracle, _) in ORACLES.items():
            made = con.table(name).to_arrow_table().to_pylist()
            if name == "mart_time_in_label":
                left, made = parted(made, {thread.number for thread in truth.threads})
                result.add(compared(name, *left_rows(life, left)))
            result.add(compared(name, by_account(made, life), by_account(oracle(truth), life)))
        made = con.table(MART_ISSUE_TRANSFER.name).to_arrow_table().to_pylist()
    moves = moved_issues(reader.world, REPO.key, life.witness)
    true = issue_transfer(moves)
    result.add(
        compared(MART_ISSUE_TRANSFER.name, made, true, oracle_transfers.KEY, oracle_transfers.LEFT_OUT)
    )
    return result, truth


def told_by(options: RepoOptions) -> dict[str, Any]:
    """What a watch list says, in the words of the truth."""
    said = {name: getattr(options, name) for name in ("bots", "waiting_labels", "time_zone", "response_days")}
    return said | {"calendar": options.holidays}


def parted(made: list[Row], here: set[int]) -> tuple[list[Row], list[Row]]:
    """The rows of threads that left, and of those that are here."""
    return (
        [row for row in made if row["issue_number"] not in here],
        [row for row in made if row["issue_number"] in here],
    )


def left_rows(life: Life, made: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of threads that left and were not changed after the last look at them, and the true ones.

    How long a label was on is told where the departure has a date.
    """
    true: list[Row] = []
    for departed in left_threads(life.reader.world, REPO.key, life.witness):
        rows = time_in_label(World(departed.left_at, [departed.thread]))
        known = rows if departed.is_dated else [row | {"total_seconds": None} for row in rows]
        true += [row | {"is_in_label": False} for row in known]
    undated = {(row["issue_number"], row["label_id"]) for row in true if row["total_seconds"] is None}
    names = {row["issue_number"] for row in true}
    found = [row for row in made if row["issue_number"] in names]
    return [
        row | {"total_seconds": None} if (row["issue_number"], row["label_id"]) in undated else row
        for row in found
    ], true


def by_account(rows: list[Row], life: Life) -> list[Row]:
    """The rows with the accounts of logins: whom nothing new was received of is shown by an earlier one.

    Who opened a pull request is shown as he is called: its record is received at each full walk. Which login
    of several somebody goes by is held in `test_logins.py`, and by the rows that `contributors/` writes.
    """

    def account(login: Any) -> Any:
        return life.accounts.get(login, login)

    return [
        {
            name: sorted(map(account, value), key=str) if name == "reviewer_logins" and value
            else account(value) if name.endswith("login") and name != "author_login"
            else value
            for name, value in row.items()
        }
        for row in rows
    ]  # fmt: skip


def warnings_of(reader: Reader) -> list[str]:
    """The checks of the subject's silver that do not hold after a full sync at rest."""
    with connect() as con:
        for table in MERGED_TABLES:
            con.register(table.name, reader.lake.dataset(table, REPO))
        entities = [*conversations.ENTITIES, *pull_requests.ENTITIES]
        checks = [check for entity in entities for merged in entity.tables for check in merged.checks]
        return [check.name for check in checks if audit_sql(con, check.name, {})[0]]


def long_from(seed: int) -> AbstractContextManager[Any]:
    """Of every second repository have each conversation of some entries count as long."""
    return patch.object(known, "PAGE_ENTRIES", 4 if seed % 2 else known.PAGE_ENTRIES)


def lived(seed: int) -> tuple[Compared, World]:
    """Judge a repository."""
    with TemporaryDirectory() as folder, long_from(seed):
        life = lived_through(Path(folder) / "lake", seed)
        assert warnings_of(life.reader) == []
        return judged(life)


@pytest.mark.parametrize(
    "seed",
    [pytest.param(20, id="a label renamed last"), pytest.param(37, id="a label of the arrival's second")],
)
def test_no_cell_of_a_repository_is_wrong(seed: int):
    result, _ = lived(seed)
    assert result.wrong == []
    assert result.cells > 5_000


def increments_alone(folder: Path, seed: int) -> Life:
    """Sync now and then, killed now and then, and never in full."""
    reader, rng = reader_of(folder, seed), Random(seed)
    life = Life(reader, Witness(reader.app), rng.choice(OPTIONS))
    for _ in range(3):
        if rng.random() < 0.3:
            life.cut_short(rng.randrange(life.request_count))
            reader.world.advance(seconds=rng.choice((0, 40, 5000)))
        life.sync()
        reader.world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 9 * DAY_SECONDS))
        submit_old_drafts(reader.world.acts_on(REPO.key), reader.world.clock - 60, rng)
    # What was begun before what the first asks for is asked for by the second.
    life.sync()
    life.sync()
    return life


# Of seed 10 an issue vanishes, which only a full walk finds.
@pytest.mark.parametrize(
    "seed",
    [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, *range(4, 10), *range(11, 15)))],
)
def test_no_cell_is_wrong_after_increments_alone_but_for_deletions_that_wait_for_the_sweep(
    tmp_path: Path, seed: int
):
    """A comment deleted, or reacted to, moves no date of a list: that waits for the full walk of the week."""
    with long_from(seed):
        result, _ = judged(increments_alone(tmp_path / "lake", seed))
    deleted = [one for one in result.wrong if one[0] == "mart_contributor" and one[2] == "comment_count"]
    reacted = [one for one in result.wrong if one[2].startswith("reaction_")]
    assert [one for one in result.wrong if one not in deleted + reacted] == []
    assert all(made > true for *_, made, true in deleted)
    assert all(made < true for *_, made, true in reacted)
    assert result.cells > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 1_500, 25))
def test_no_cell_of_500_repositories_is_wrong(first: int):
    """And beside it what the naive definitions make of the same repositories."""
    result, naive = Compared(), {name: Compared() for name in NAIVE}
    for seed in range(first, first + 25):
        found, truth = lived(seed)
        result.add(found)
        for name, other in naive.items():
            other.add(naive_marts(name, truth))
    told = ", ".join(f"{name} {len(other.wrong):,}" for name, other in naive.items())
    print(f"\n25 repositories from {first}: {result.cells:,} cells, {len(result.wrong)} wrong; {told}")
    assert result.wrong == []
