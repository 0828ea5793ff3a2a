"""What people do in public beside issues: pushes, stars, forks, comments and releases, as time goes on."""

import random
from typing import Any

from gitpulse_assets.sandbox.feeds import PublicFeed, follow
from gitpulse_assets.sandbox.world import World

# How often of a hundred each happens.
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "PushEvent": (50, {"ref": "refs/heads/main"}),
    "IssueCommentEvent": (22, {"action": "created"}),
    "WatchEvent": (20, {"action": "started"}),
    "ForkEvent": (6, {}),
    "ReleaseEvent": (2, {"action": "published"}),
}


def live(world: World, begin: int, end: int, *, seed: int, seconds_between: int) -> None:
    """Have something happen in every repository every so many seconds in the mean, from `begin` to `end`.

    What lies behind the world's clock has happened when this returns, the rest happens as the clock advances.
    Times in Unix seconds.
    """
    follow(world.feeds.values())
    rng = random.Random(seed)
    count = (end - begin) // seconds_between
    for feed in world.feeds.values():
        types = rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()], k=count)
        for event_type in types:
            world.schedule(rng.randrange(begin, end), happen, (feed, event_type))
    world.run_until(world.clock)


def happen(at: int, what: tuple[PublicFeed, str]) -> None:
    """One event of a repository."""
    feed, event_type = what
    feed.publish(event_type, at, KINDS[event_type][1])
