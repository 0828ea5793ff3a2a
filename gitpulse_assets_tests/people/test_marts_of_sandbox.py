"""From the stand-in GitHub to the marts, held against the oracle by the cell: full, in pieces, and cut short.

The truth is what the stand-in wrote down as it acted. `GITPULSE_SUBJECTS=contributors pytest -m slow -s` on
this folder prints how many cells were compared and wrong.
"""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from gitpulse_assets.contracts.silver import SYNC_STATE
from gitpulse_assets.members.looking import roll_of
from gitpulse_assets.pipeline.marts import last_walk_at
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.messages import Request
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets_tests.contributors.compare import ORACLES, Compared, compared
from gitpulse_assets_tests.contributors.sandbox_world import world_of
from gitpulse_assets_tests.history.product import Reader

REPO = Repo("acme", "rocket")
SHARES = ("transferred_in_share", "transferred_out_share", "deleted_share", "converted_share", "hidden_share")


class Killed(BaseException):
    """The process is gone in the middle of a request."""


def reader_of(folder: Path, seed: int) -> Reader:
    """A reader of a repository in which all of it happens often; nobody's login is renamed."""
    rng = Random(seed)
    plan = HistoryPlan(
        REPO.key,
        seed,
        issue_count=rng.choice((5, 20, 40)),
        day_count=rng.choice((20, 100, 400)),
        body_bytes_mean=10,
        login_renames_per_year=0,
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


def live(reader: Reader, seed: int) -> None:
    """Sync now and then, killed now and then, and at last in full."""
    rng = Random(seed)
    for _ in range(rng.randrange(4)):
        if rng.random() < 0.4:
            cut_short(reader, rng.randrange(6))
        reader.sync()
        reader.world.advance(seconds=rng.randrange(DAY_SECONDS // 4, 9 * DAY_SECONDS))
    reader.sync(is_full=True)


def judged(reader: Reader) -> Compared:
    """Every mart against the oracle, but for threads and labels that are gone."""
    as_of_at = last_walk_at(reader.lake.dataset(SYNC_STATE, REPO))
    looks = [look.looked_at for look in roll_of(reader.lake, Organization(REPO.owner)).looks if look.is_taken]
    truth, result = world_of(reader.world, REPO.key, as_of_at, looks), Compared()
    here = {(thread.number, label.label_id) for thread in truth.threads for label in thread.labels}
    with reader.gold() as con:
        for name, (oracle, _) in ORACLES.items():
            made = con.table(name).to_arrow_table().to_pylist()
            if name == "mart_time_in_label":
                made = [row for row in made if (row["issue_number"], row["label_id"]) in here]
            result.add(compared(name, made, oracle(truth)))
    return result


def lived(seed: int) -> Compared:
    with TemporaryDirectory() as folder:
        reader = reader_of(Path(folder) / "lake", seed)
        live(reader, seed)
        return judged(reader)


def test_no_cell_of_a_repository_is_wrong():
    result = lived(8)
    assert result.wrong == []
    assert result.cells > 300


@pytest.mark.slow
def test_no_cell_of_500_repositories_is_wrong():
    result, seeds = Compared(), range(1_000, 1_500)
    for seed in seeds:
        result.add(lived(seed))
    print(f"\n{len(seeds)} repositories: {result.cells:,} cells compared, {len(result.wrong)} wrong")
    assert result.wrong == []
