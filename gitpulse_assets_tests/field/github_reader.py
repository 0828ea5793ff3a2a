"""A reader of a small repository at a stand-in GitHub that fails as a case says; nobody waits in it."""

from pathlib import Path

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.history.product import Reader

NAME = "octo-org/hello"
REPO = Repo.parse(NAME)
DAY_SECONDS = 86_400


class FieldReader(Reader):
    """A reader of a repository in which something happens now and then."""

    def asked_count(self) -> int:
        """GraphQL questions since the log was cleared."""
        return sum(served.target == "/graphql" for served in self.app.log)

    def touch(self, number: int) -> None:
        """Close an issue, an hour later."""
        self.world.advance(seconds=3600)
        acts = self.world.acts_on(NAME)
        acts.close(acts.repository.issues[number], self.world.clock, None)
        self.world.advance(seconds=3600)


def field_reader(folder: Path, issue_count: int, *faults: Fault) -> FieldReader:
    """Issues opened a day ago, every third closed since, and these faults for good."""
    world = World("2026-01-01T00:00:00Z")
    # An older server has not counted beyond 32 bits.
    world.ids.issue_id = 1_000_000
    acts = world.add_repository(NAME)
    issues = [acts.open(world.clock + number, None, "Title") for number in range(issue_count)]
    world.advance(seconds=DAY_SECONDS)
    for issue in issues[::3]:
        acts.close(issue, world.clock, None)
    world.advance(seconds=DAY_SECONDS)
    reader = FieldReader(world, REPO, folder)
    for fault in faults:
        fault.times = ALWAYS
    reader.app.faults[:] = faults
    return reader
