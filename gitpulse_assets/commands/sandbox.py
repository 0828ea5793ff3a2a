"""`gitpulse sandbox`: a stand-in GitHub in the foreground."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitpulse_assets.commands.console import refused
from gitpulse_assets.commands.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from gitpulse_assets.sandbox.world import World


def serve_sandbox(recorded: Path | None, at: datetime | None, port: int) -> int:
    """Serve generated histories, or recorded ones as they were on a date, until interrupted."""
    from gitpulse_assets.sandbox.recorded import RecordingUnusable
    from gitpulse_assets.sandbox.server import serve_forever

    try:
        world = chosen_world(recorded, at)
    except RecordingUnusable as error:
        raise click.UsageError(str(error)) from None
    try:
        # Ctrl-C is how it is meant to end.
        with suppress(KeyboardInterrupt):
            serve_forever(world, port=port, announce=announce)
    except OSError as error:
        return refused(f"port {port} on 127.0.0.1 cannot be used ({error.strerror}); try --port 0", FAILED)
    return DONE


def chosen_world(recorded: Path | None, at: datetime | None) -> "World":
    """The generated histories, or the recorded ones; raises RecordingUnusable."""

    from gitpulse_assets.commands.demo import demo_plans
    from gitpulse_assets.sandbox.history import generate
    from gitpulse_assets.sandbox.recorded import load_recorded

    if recorded is None:
        return generate(demo_plans())
    return load_recorded(recorded, f"{at:%Y-%m-%d}" if at else None)


def announce(base_url: str) -> None:
    """Print the address once it is served."""
    click.echo(f"GITHUB_API_URL={base_url} serves; any GITHUB_TOKEN will do. Stop it with Ctrl-C.")
