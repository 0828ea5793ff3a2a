"""The repository an independent judge had cut short, in his figures.

420 records, 314 of them issues of which 68 are open, 26 of these among the first 300 records; 370 events that
open or close them, 94 of these among the newest 200 of all; 1,400 events on 14 pages.
"""

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import Issue, Label
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.world import World
from gitpulse_assets_tests.field.lists import REPO

DAYS, HOUR_SECONDS = 200, 3600
LABEL = Label(9_000_001, "bug", "ededed")


def judged_world() -> World:
    """Records come two a day and then faster; what closes and reopens comes behind, with labels between."""
    world = World()
    acts = world.add_repository(REPO.key, labels=[LABEL])
    begin = world.clock - DAYS * DAY_SECONDS
    records = [open_record(acts, begin, number) for number in range(420)]
    issues = [issue for issue in records if not issue.is_pull_request]
    open_for_good = set(issues[:226:8][:26]) | set(issues[-84::2])
    closing = [issue for issue in issues if issue not in open_for_good]
    early, late = closing[:152], closing[152:]
    # 152 closings and 62 reopened and closed again: 276 events; then 94 closings among 106 labels.
    for number, issue in enumerate(early):
        at = begin + 50 * DAY_SECONDS + number * 14 * HOUR_SECONDS
        acts.close(issue, at, None)
        if number < 62:
            acts.reopen(issue, at + 5 * DAY_SECONDS, None)
            acts.close(issue, at + 11 * DAY_SECONDS, None)
    fill(acts, issues[:200], begin + 150 * DAY_SECONDS, 1_400 - 276 - 200)
    newest = begin + 180 * DAY_SECONDS
    for number, issue in enumerate(late):
        acts.close(issue, newest + number * 4 * HOUR_SECONDS, None)
    fill(acts, issues[:200], newest, 106)
    return world


def open_record(acts: Acts, begin: int, number: int) -> Issue:
    """Every fourth record is a pull request, and the first."""
    at = begin + number * DAYS * DAY_SECONDS // 440
    return acts.open(at, None, "Title", is_pull_request=number % 4 == 3 or number == 0)


def fill(acts: Acts, issues: list[Issue], at: int, count: int) -> None:
    """Label issues, a few minutes apart."""
    for number in range(count):
        acts.label(issues[number % len(issues)], at + 240 * number, None, LABEL)
