"""Two watched repositories, and an issue that moves from one to the other."""

from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.model import Issue, Label
from gitpulse_assets.sandbox.world import World

OLD, NEW = Repo("octo-org", "old"), Repo("octo-org", "new")


def two_repositories() -> World:
    """Two repositories with two issues each; labels have the same names in both but for one."""
    world = World("2026-01-01T00:00:00Z")
    for number, full_name in enumerate(("Octo-Org/Old", "octo-org/new")):
        acts = world.add_repository(full_name)
        names = ("bug", "area: old") if number == 0 else ("bug",)
        acts.repository.labels = [
            Label(10 * number + place, name, "d73a4a") for place, name in enumerate(names, start=1)
        ]
        for _ in range(2):
            acts.open(world.clock, None, "Title", labels=acts.repository.labels)
    world.advance(seconds=86_400)
    return world


def transferred(world: World) -> Issue:
    """Transfer an issue and return it as it is there."""
    old, new = world.acts_on(OLD.key), world.acts_on(NEW.key)
    moved = old.transfer(old.repository.issues[1], world.clock, None, new)
    assert moved is not None
    world.advance(seconds=3600)
    return moved
