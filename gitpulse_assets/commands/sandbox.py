"""`gitpulse sandbox`: a stand-in GitHub in the foreground."""

from datetime import datetime
from pathlib import Path

import click

from gitpulse_assets.exit_codes import DONE


def serve_sandbox(recorded: Path | None, at: datetime | None, port: int) -> int:
    """Serve generated histories, or recorded ones as they were on a date, until interrupted."""
    from gitpulse_assets.commands.demo import demo_plans
    from gitpulse_assets.sandbox.history import generate
    from gitpulse_assets.sandbox.recorded import load_recorded
    from gitpulse_assets.sandbox.server import serve_forever

    world = load_recorded(recorded, at.date() if at else None) if recorded else generate(demo_plans())
    serve_forever(world, port=port, announce=announce)
    return DONE


def announce(base_url: str) -> None:
    click.echo(f"GITHUB_API_URL={base_url} serves; any GITHUB_TOKEN will do. Stop it with Ctrl-C.")
