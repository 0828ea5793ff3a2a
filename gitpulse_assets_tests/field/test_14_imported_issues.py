"""Issues imported with old dates are newest in no list: only the repository's open count shows them.

Reported for bulk migrations; no thread of GitHub's found.
"""

from datetime import UTC, datetime

import pytest

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.watch.looking import look
from gitpulse_assets.watch.state import Member, Sight
from gitpulse_assets_tests.field.github_reader import NAME, field_reader
from gitpulse_assets_tests.field.lists import REPO, Watched, synced


@pytest.fixture
def imported(pytestconfig, tmp_path) -> Watched:
    """A synced repository into which three issues of long ago have been imported since."""
    watched = synced(pytestconfig, tmp_path)
    watched.world.clock += 3600
    return watched


def import_issues(watched) -> None:
    acts = watched.world.acts_on(REPO.key)
    author = next(iter(acts.repository.issues.values())).author
    for _ in range(3):
        acts.open(watched.world.clock - 150 * DAY_SECONDS, author, "Imported")


@pytest.mark.dear
@pytest.mark.parametrize("token", ["good-token", pytest.param("", marks=pytest.mark.slow)])
def test_14_the_open_count_calls_for_the_walk_that_finds_them(imported, token):
    imported.token = token
    imported.sync()
    import_issues(imported)
    row = imported.sync()
    assert row.walk_kind == "full"
    assert imported.present_count() == len(imported.world.repository(REPO.key).listed)


def test_14_a_look_sees_the_count_and_asks_once(imported):
    lake: Lake = imported.product.lake
    member = Member(REPO.key, "gitpulse.yaml", datetime(2026, 1, 1, tzinfo=UTC))
    with imported.product.client("good-token") as client:
        quiet = look(client, lake, REPO.key, member, Sight())
        assert not quiet.is_changed
        import_issues(imported)
        seen = look(client, lake, REPO.key, member, quiet.sight)
        assert seen.is_changed
        assert not look(client, lake, REPO.key, member, seen.sight).is_changed
        imported.sync()
        settled = look(client, lake, REPO.key, member, quiet.sight)
    assert not settled.is_changed


@pytest.mark.slow
def test_14_cousin_imported_beside_a_known_difference_they_are_found_too(imported):
    """The difference that is known is no excuse for another."""
    imported.world.repository(REPO.key).unlisted_open_count = 2
    imported.sync()
    imported.sync()
    import_issues(imported)
    assert imported.sync().walk_kind == "full"
    assert imported.present_count() == len(imported.world.repository(REPO.key).listed)


@pytest.mark.slow
@pytest.mark.parametrize("balance", ["closed", pytest.param("deleted", marks=pytest.mark.slow)])
def test_14_cousin_what_leaves_the_open_count_as_it_was_the_full_walk_finds(imported, balance):
    """Imported as closed, or as many deleted as imported; no count shows that between full walks."""
    acts = imported.world.acts_on(REPO.key)
    known = [issue for issue in acts.repository.issues.values() if issue.state == "open"]
    import_issues(imported)
    for issue in list(acts.repository.issues.values())[-3:] if balance == "closed" else known[:3]:
        if balance == "closed":
            acts.close(issue, imported.world.clock - 140 * DAY_SECONDS, issue.author, "completed")
        else:
            acts.delete(issue, imported.world.clock)
    assert imported.sync().walk_kind == "unchanged"
    imported.sync(is_full=True)
    assert imported.present_count() == len(imported.world.repository(REPO.key).listed)
    assert imported.judged().wrong_days == 0


def test_14_cousin_an_issue_that_is_deleted_shows_in_the_open_count_too(tmp_path):
    reader = field_reader(tmp_path, 9)
    reader.sync()
    reader.world.advance(seconds=3600)
    acts = reader.world.acts_on(NAME)
    acts.delete(acts.repository.issues[2], reader.world.clock)
    assert reader.sync().walk_kind == "full"
    assert [kind for _, _, kind in reader.transitions()].count("deleted") == 1
