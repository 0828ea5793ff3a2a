"""Lakes with conversations, by the product's path: with a token, and without one."""

from pathlib import Path
from random import Random

from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.pipeline.refresh import Options, publish_marts
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.history import generate
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.world import World
from gitpulse_assets.watch.watch_list import RepoOptions
from gitpulse_assets_tests.history.product import Reader

ROCKET = Repo("acme", "rocket")
EVIL = '<script>alert("x")</script> =1+1'
# Nobody gave a token for it.
SILENT = Repo("acme", "silent")
# The stand-in's labels that its people put on now and then.
WAITING = ("question", "needs *")


def people_world() -> World:
    """Two repositories in which people talk and review, the second a small one."""
    sizes = {ROCKET: (70, 120), SILENT: (8, 20)}
    made = generate([HistoryPlan(repo.key, 7, *size, has_people=True) for repo, size in sizes.items()])
    for issue in made.acts_on(ROCKET.key).repository.issues.values():
        issue.title = EVIL
    return made


def fill(folder: Path) -> None:
    """Refresh both, the second without a token."""
    world = people_world()
    lake, options = Lake.open(str(folder)), Options(repo=RepoOptions(waiting_labels=WAITING))
    for repo, token in ((ROCKET, "good-token"), (SILENT, "")):
        Reader(world, repo, folder, token=token).sync()
        publish_marts(lake, repo, options)


def submit_old_drafts(acts: Acts, at: int, rng: Random) -> None:
    """Submit reviews of two pull requests, at Unix seconds: begun, with a comment, when these were opened."""
    people = {
        fact.actor.user_id: fact.actor for fact in acts.facts if fact.actor and fact.actor.kind == "User"
    }
    pulls = [issue for issue in acts.repository.issues.values() if issue.is_pull_request]
    for issue in rng.sample(pulls, min(2, len(pulls))):
        others = [user for user in people.values() if user is not issue.author]
        acts.review(issue, at, rng.choice(others), "APPROVED", drafted_at=(issue.created_at,))
