"""Where messages go: the addresses a person configured, by apprise.

An address holds a secret (a webhook's path, a mail password): only its shortened form is ever shown. What is
sent, and when again, is `outbox.py`'s.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitpulse_assets.alerting.alert import Severity
from gitpulse_assets.texts.markdown import as_chat

if TYPE_CHECKING:
    from apprise import Apprise


UNKNOWN_ADDRESS = (
    "GITPULSE_ALERT_URLS: address {number} is none that apprise knows; for example "
    "slack://TokenA/TokenB/TokenC/#channel, mailto://user:password@example.com or jsons://example.com/hook"
)


class ChannelFailed(Exception):
    """A channel did not take a message; str() says which and why, without its secret."""


@dataclass(frozen=True)
class Channel:
    """One address; `name` is what may be shown of it, `trouble` why nothing can ever be sent to it."""

    name: str
    apprise: "Apprise"
    trouble: str = ""

    def send(self, title: str, body: str, severity: Severity) -> None:
        """Send one message and wait until it is taken; raises ChannelFailed."""
        import apprise

        if self.trouble:
            raise ChannelFailed(self.trouble)
        kinds = {
            "error": apprise.NotifyType.FAILURE,
            "warning": apprise.NotifyType.WARNING,
            "info": apprise.NotifyType.INFO,
        }
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            # Said to be text, what people wrote into labels is shown as they wrote it, also in a mail's HTML.
            is_taken = self.apprise.notify(
                as_chat(body),
                as_chat(title),
                notify_type=kinds[severity],
                body_format=apprise.NotifyFormat.TEXT,
            )
            if not is_taken:
                log.seek(0)
                said = " ".join(log.read().split())[-300:] or "no reason given"
                raise ChannelFailed(f"{self.name} did not take a message: {said}")


def open_channels(urls: Iterable[str]) -> list[Channel]:
    """Return a channel for each address; one that apprise does not know takes no message.

    A mistyped address is told as a channel that fails, and silences none of the others.
    """
    import apprise

    channels = []
    for number, url in enumerate(urls, start=1):
        target = apprise.Apprise(asset=apprise.AppriseAsset(app_id="GitPulse", app_desc="GitPulse"))
        if not target.add(url):
            # No scheme either: without its "://" an address may be all secret.
            channels.append(Channel(f"channel {number}", target, UNKNOWN_ADDRESS.format(number=number)))
            continue
        for service in target:
            # A message that is too long for a service would be cut or refused.
            if service.overflow_mode is apprise.OverflowMode.UPSTREAM and "overflow=" not in url:
                service.overflow_mode = apprise.OverflowMode.SPLIT
        # apprise's own short form leaves a webhook's path in, and a Slack token stands where hosts do.
        channels.append(Channel(f"channel {number} ({url.partition('://')[0]})", target))
    return channels
