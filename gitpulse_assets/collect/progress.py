"""Lets a walk tell whoever watches how far it is, without knowing who that is.

The command line shows it on a terminal; a run that Dagster's daemon started has no listener and says
the same in its log.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from gitpulse_assets.repo import Repo


@dataclass(frozen=True)
class WalkProgress:
    """How far one repository's walk is: pages and records received, and quota left where GitHub said it.

    `note`: something worth a line of its own; `step`: the step that begins, where no pages are counted.
    """

    repo: Repo
    page_count: int
    record_count: int
    what: str = "records"
    quota_remaining: int | None = None
    note: str = ""
    step: str = ""


Listener = Callable[[WalkProgress], None]

listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(progress: WalkProgress) -> None:
    """Tell the listener, if there is one."""
    if hear := listener.get():
        hear(progress)
