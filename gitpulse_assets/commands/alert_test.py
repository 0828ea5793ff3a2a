"""`gitpulse alert-test`: one message to every channel, before there is trouble."""

import click

from gitpulse_assets.alerting.channels import ChannelFailed, open_channels
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.settings import Settings


def send_test(settings: Settings) -> int:
    """Send it and say which channel took it; return the exit code."""
    channels = open_channels(url.get_secret_value() for url in settings.alert_urls)
    if not channels:
        click.echo("gitpulse: GITPULSE_ALERT_URLS names no channel; alerts are only logged", err=True)
        return WRONG_USE
    code = DONE
    for channel in channels:
        try:
            channel.send("GitPulse can reach you", f"Alerts come here.\n{settings.ui_url}", "info")
            click.echo(f"{channel.name} took it")
        except ChannelFailed as failure:
            click.echo(f"gitpulse: {failure}", err=True)
            code = FAILED
    return code
