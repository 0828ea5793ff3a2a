"""From the stand-in GitHub to the marts, held against the oracle by the cell: full, in pieces, and cut short.

The truth is what the stand-in wrote down as it acted. `GITPULSE_SUBJECTS=contributors pytest -m slow -s` on
this folder prints how many cells were compared and wrong.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gitpulse_assets.catalog.subjects import MERGED_TABLES
from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.members.looking import roll_of
from gitpulse_assets.pipeline.marts import last_walk_at
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.streams import conversations, pull_requests
from gitpulse_assets.transform.audit import audit_sql
from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, Row, compared
from gitpulse_assets_tests.contributors.oracle_threads import time_in_label
from gitpulse_assets_tests.contributors.sandbox_world import left_threads, world_of
from gitpulse_assets_tests.contributors.test_marts_and_oracle import NAIVE, naive_marts
from gitpulse_assets_tests.contributors.truth import World
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")
SHARES = ("transferred_in_share", "transferred_out_share", "deleted_share", "converted_share", "hidden_share")


class Killed(BaseException):
    """The process is gone in the middle of a request."""


def reader_of(folder: Path, seed: int) -> Reader:
    """A reader of a repository in which all of it happens often."""
    rng = Random(seed)
    plan = HistoryPlan(
        REPO.key,
        seed,
        issue_count=rng.choice((5, 20, 40)),
        day_count=rng.choice((20, 100, 400)),
        body_bytes_mean=10,
        login_renames_per_year=20,
        has_people=True,
        **dict.fromkeys(SHARES, 0.05),
    )
    world = generate([plan])
    world.organization(REPO.owner).roles["good-token"] = "member"
    return Reader(world, REPO, folder)


def cut_short(reader: Reader, requests: int) -> None:
    """Sync until the process is killed at a request; the next run goes on."""
    left, answer = requests, reader.app.answer

    def count(request: Request):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return answer(request)

    reader.app.answer = count  # type: ignore[method-assign]
    try:
        reader.sync()
    except Killed:
        pass
    finally:
        reader.app.answer = answer  # type: ignore[method-assign]


@dataclass
class Seen:
    """What could be learnt at each sync: the account of each login then, and the threads that were there."""

    accounts: dict[str, int] = field(default_factory=dict)
    threads: dict[int, int] = field(default_factory=dict)

    def look(self, reader: Reader) -> None:
        acts = reader.world.acts_on(REPO.key)
        people = [fact.actor for fact in acts.facts if fact.actor]
        self.accounts |= {user.login: user.user_id for user in people}
        self.threads |= {issue.issue_id: reader.world.clock for issue in acts.repository.issues.values()}


def live(reader: Reader, seed: int) -> Seen:
    """Sync now and then, killed now and then, and at last in full."""
    rng, seen = Random(seed), Seen()
    for _ in range(rng.randrange(4)):
        if rng.random() < 0.4:
            seen.look(reader)
            cut_short(reader, rng.randrange(6))
        seen.look(reader)
        reader.sync()
        reader.world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 9 * DAY_SECONDS))
    seen.look(reader)
    reader.sync(is_full=True)
    return seen


def judged(reader: Reader, seen: Seen) -> tuple[Compared, World]:
    """Every mart against the oracle, but for labels that are gone; and the truth."""
    as_of_at = last_walk_at(reader.lake.dataset(SYNC_STATE, REPO))
    looks = [look.looked_at for look in roll_of(reader.lake, Organization(REPO.owner)).looks if look.is_taken]
    truth, result = world_of(reader.world, REPO.key, as_of_at, looks), Compared()
    labels = {label.label_id for label in reader.world.acts_on(REPO.key).repository.labels}
    with reader.gold() as con:
        for name, (oracle, _) in ORACLES.items():
            made = con.table(name).to_arrow_table().to_pylist()
            if name == "mart_time_in_label":
                left, made = parted(made, {thread.number for thread in truth.threads}, labels)
                result.add(compared(name, *left_rows(reader, left, seen)))
            result.add(compared(name, by_account(made, seen), by_account(oracle(truth), seen)))
    return result, truth


def parted(made: list[Row], here: set[int], labels: set[int]) -> tuple[list[Row], list[Row]]:
    """The rows of threads that left, and of those that are here, of labels that there are."""
    there = [row for row in made if row["label_id"] in labels]
    return (
        [row for row in there if row["issue_number"] not in here],
        [row for row in there if row["issue_number"] in here],
    )


def left_rows(reader: Reader, made: list[Row], seen: Seen) -> tuple[list[Row], list[Row]]:
    """The rows of threads that left and were not changed after the last look at them, and the true ones.

    How long a label was on is told where the departure has a date.
    """
    true: list[Row] = []
    for departed in left_threads(reader.world, REPO.key, seen.threads):
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


def by_account(rows: list[Row], seen: Seen) -> list[Row]:
    """The rows with the accounts of logins: whom nothing new was received of is shown by an earlier one.

    Who opened a pull request is shown as he is called: its record is received at each full walk.
    """

    def account(login: Any) -> Any:
        return seen.accounts.get(login, login)

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


def lived(seed: int) -> tuple[Compared, World]:
    with TemporaryDirectory() as folder:
        reader = reader_of(Path(folder) / "lake", seed)
        seen = live(reader, seed)
        assert warnings_of(reader) == []
        return judged(reader, seen)


def test_no_cell_of_a_repository_is_wrong():
    result, _ = lived(8)
    assert result.wrong == []
    assert result.cells > 300


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
