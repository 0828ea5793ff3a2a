"""Sends each trouble once: at least once, and after a crash between sending and remembering once more.

What was sent is remembered message by message, so that only the one at work can be repeated. A message counts
as sent when one channel took it; one that none takes is sent again by the next tick.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gitpulse_assets.alerting.alert import Alert, Judgement, Note, Severity
from gitpulse_assets.alerting.channels import Channel, ChannelFailed

# One bad token fails every repository at once: past this many a tick, the rest is one message.
SINGLE_MESSAGES_MAX = 10
TITLES_SHOWN = 30
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


class Memory(Protocol):
    """A small store of texts by key that outlives a process."""

    def get(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The values kept under the keys; those never put are left out."""
        ...

    def put(self, values: Mapping[str, str]) -> None:
        """Keep the values for every later process."""
        ...


class NothingDelivered(Exception):
    """No channel took a message; str() says why for each."""


@dataclass
class Outbox:
    """Delivers the judgements of one tick.

    `repeat_after`: how long an error that goes on is not told again; a warning is told once until it is over.
    `log` is told every message, whatever the channels do. `troubles`: why a channel failed, by its name; a
    channel that failed once is left alone for the rest of the tick.
    """

    channels: Sequence[Channel]
    memory: Memory
    ui_url: str
    now: datetime
    repeat_after: timedelta
    log: logging.Logger
    sent: list[Alert] = field(default_factory=list)
    suppressed_count: int = 0
    troubles: dict[str, str] = field(default_factory=dict)

    def deliver(self, judgements: Sequence[Judgement]) -> None:
        """Send what is due and remember it, in order; raises NothingDelivered."""
        known = dict(self.memory.get({judgement.key for judgement in judgements}))
        rest = iter(judgements)
        while len(self.sent) < SINGLE_MESSAGES_MAX and (judgement := next(rest, None)):
            self._settle([judgement], known)
        self._settle(list(rest), known)
        self._tell_of_troubles()

    def _settle(self, judgements: Sequence[Judgement], known: dict[str, str]) -> None:
        """Send what is due of the judgements as one message, then remember all of them."""
        after, due = dict(known), []
        for judgement in judgements:
            if isinstance(judgement, Note):
                after[judgement.key] = judgement.value
            elif self._is_due(judgement, after):
                after[judgement.key] = self.now.isoformat()
                due.append(judgement)
            else:
                self.suppressed_count += 1
        if due:
            self._send(due[0] if len(due) == 1 else digest(due))
        changed = {key: value for key, value in after.items() if known.get(key, "") != value}
        if changed:
            self.memory.put(changed)
            known |= changed

    def _is_due(self, alert: Alert, known: Mapping[str, str]) -> bool:
        sent_at = known.get(alert.key)
        if not sent_at:
            return True
        return alert.severity == "error" and self.now - datetime.fromisoformat(sent_at) >= self.repeat_after

    def _send(self, alert: Alert) -> None:
        body = alert.body(self.ui_url)
        self.log.warning("%s\n%s", alert.title, body)
        taken_count = 0
        for channel in self.channels:
            if channel.name in self.troubles:
                continue
            try:
                channel.send(alert.title, body, alert.severity)
                taken_count += 1
            except ChannelFailed as failure:
                self.troubles[channel.name] = str(failure)
                self.log.error("%s", failure)
        if self.channels and not taken_count:
            raise NothingDelivered("; ".join(self.troubles.values()))
        self.sent.append(alert)

    def _tell_of_troubles(self) -> None:
        """Tell by the channels that work of those that do not."""
        alerts = [
            Alert(f"channel/{name}", "error", "Alerts do not arrive everywhere", (reason,))
            for name, reason in self.troubles.items()
        ]
        self._settle(alerts, dict(self.memory.get({alert.key for alert in alerts})))


def digest(alerts: Sequence[Alert]) -> Alert:
    """Return one message that names all of them."""
    titles = [alert.title for alert in alerts[:TITLES_SHOWN]]
    if len(alerts) > TITLES_SHOWN:
        titles.append(f"and {len(alerts) - TITLES_SHOWN:,} more")
    worst = max(SEVERITIES.index(alert.severity) for alert in alerts)
    return Alert("digest", SEVERITIES[worst], f"{len(alerts):,} more alerts", tuple(titles), "/runs")
