"""What the demo shows of public events: each once from feeds and archive, and how whole that is."""

from datetime import UTC, datetime

from gitpulse_assets.commands import demo
from gitpulse_assets.commands.exit_codes import DONE
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.server import serve
from gitpulse_assets.sandbox.world import World


def test_the_demo_counts_every_event_once_and_says_how_much_of_it_is_whole(home, capsys):
    world = World("2026-03-02T04:00:00Z")
    world.add_repository("gitpulse-demo/one")
    with serve(world) as sandbox:
        settings = demo.demo_settings(sandbox.base_url)
        repos = [Repo("gitpulse-demo", "one")]
        sandbox.app.lost_hours.add(datetime(2026, 3, 2, 1, tzinfo=UTC))
        assert demo.bring_events(settings, sandbox, repos) == DONE
    capsys.readouterr()
    assert demo.print_metric(settings) == DONE
    shown = capsys.readouterr()
    counts = [line.split(",") for line in shown.out.splitlines() if "Event," in line]
    happened = world.feed("gitpulse-demo/one").events
    assert sum(int(count) for _, count in counts) == len(happened) > 100
    assert "% of the time asked for is whole" in shown.err
