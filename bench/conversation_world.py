"""A stand-in GitHub full of conversations: `python -m bench.conversation_world THREADS` serves it.

Half issues, half pull requests, six entries each in their timelines, half of which are comments and reviews;
every review has a comment on a line. Per 10,000 threads 60,000 entries and 30,000 comments.
"""

import sys
from random import Random
from typing import Any

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.cast import Cast, make_labels
from gitpulse_assets.sandbox.limits import Limits
from gitpulse_assets.sandbox.render import issue_bytes
from gitpulse_assets.sandbox.server import serve_forever
from gitpulse_assets.sandbox.world import World

NAME = "bench/talk"
CHANGED_THREADS = 20
HOUR = 3_600
UNLIMITED = Limits(10**9, 10**9, 10**9)


def world_of(thread_count: int) -> World:
    """A world of one repository; an hour after its clock 20 threads have changed."""
    world, rng = World(), Random(1)
    acts = world.add_repository(NAME, body_bytes_mean=1200)
    acts.repository.labels = make_labels(6_000_000_001, acts.repository.repository_id)
    cast = Cast(rng, 400, first_id=20_000_000)
    began_at = world.clock - thread_count * HOUR
    for number in range(thread_count):
        at = began_at + number * HOUR
        (pull_request if number % 2 else issue)(acts, cast, rng, at)
    for member in cast.people[:6]:
        world.organization(NAME.partition("/")[0]).join(member, began_at)
    changed = rng.sample(list(acts.repository.issues.values()), min(CHANGED_THREADS, thread_count))

    def talk(at: int, found: Any) -> None:
        acts.comment(found, at, cast.anyone())

    for place, one in enumerate(changed):
        world.schedule(world.clock + 60 + place, talk, one)
    for one in acts.repository.issues.values():
        issue_bytes(one)
    return world


def issue(acts: Acts, cast: Cast, rng: Random, at: int) -> None:
    """An issue of six entries: three comments, a label, an assignment and its closing."""
    one = acts.open(at, cast.anyone(), cast.title())
    for minute in (1, 5, 9):
        acts.comment(one, at + 60 * minute, cast.anyone())
    acts.label(one, at + 700, cast.member(), rng.choice(acts.repository.labels))
    acts.assign(one, at + 800, cast.member(), cast.member())
    acts.close(one, at + 900, cast.member())


def pull_request(acts: Acts, cast: Cast, rng: Random, at: int) -> None:
    """A pull request of six entries: a request, two reviews with a remark each, a comment, its merge."""
    one = acts.open(at, cast.anyone(), cast.title(), is_pull_request=True)
    acts.request_review(one, at + 30, one.author, cast.member())
    for minute in (2, 4):
        acts.review(
            one, at + 60 * minute, cast.member(), rng.choice(("APPROVED", "COMMENTED")), drafted_at=(at + 50,)
        )
    acts.comment(one, at + 600, cast.anyone())
    acts.merge(one, at + 900, cast.member())


def main() -> None:
    """Serve the world until it is ended."""
    serve_forever(world_of(int(sys.argv[1])), limits=UNLIMITED, announce=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
