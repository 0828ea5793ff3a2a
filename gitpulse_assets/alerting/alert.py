"""What is worth telling a person, and what is to be remembered so that it is told once.

Plain values without Dagster. When something becomes an alert is decided in `rules.py`, when one is sent in
`outbox.py`, how in `channels.py`.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Alert:
    """One message: about whom, what happened, what is known of it, and where to look.

    `key` names the trouble, not the moment, and begins with its kind: two alerts of one key are one trouble
    seen twice. `link` is a path below the address of Dagster's UI.
    """

    key: str
    severity: Severity
    title: str
    lines: tuple[str, ...] = ()
    link: str = ""

    def body(self, ui_url: str) -> str:
        """The message's text, a line a fact, the link last."""
        return "\n".join([*self.lines, *([f"{ui_url}{self.link}"] if self.link else [])])


@dataclass(frozen=True)
class Note:
    """A value to remember under a key; the empty one says that the trouble of that key is over."""

    key: str
    value: str = ""


# In the order in which they were found: a failure after a recovery is a new failure.
Judgement = Alert | Note
