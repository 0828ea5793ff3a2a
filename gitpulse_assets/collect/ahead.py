"""What happened to issues, asked for while the list that names them is still walked.

Only so much as may be: what is not asked for here, or not answered, is asked for behind the list
(`lifecycle.py`), which also says what goes wrong.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

import msgspec

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.collect.at_once import Question
from gitpulse_assets.collect.known import ChangedIssue
from gitpulse_assets.collect.lifecycle import is_to_be_asked_ahead, make_ask, still_here, walk_of_batches
from gitpulse_assets.collect.lots import Lot, Lots
from gitpulse_assets.collect.session import Session, StreamRun
from gitpulse_assets.collect.walk import Walk
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.github.graphql import MOST_NODES
from gitpulse_assets.github.lifecycle import LifecycleBatch
from gitpulse_assets.lake.errors import LakeError


class _Thread(msgspec.Struct):
    id: int
    node_id: str
    number: int | None = None
    pull_request: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_pull_request(self) -> bool:
        return bytes(self.pull_request) != b"null"


class Ahead:
    """The threads that a walk of the list has met, in lots; a lot is asked for as soon as it is whole."""

    def __init__(self, session: Session, repository_id: int, as_of_at: dt.datetime) -> None:
        self._session, self._repository_id, self._as_of_at = session, repository_id, as_of_at
        self._with_all = CONTRIBUTORS in chosen_subjects()
        self._is_asked = is_to_be_asked_ahead(session)
        self._known: dict[str, ChangedIssue] = {}
        self._lots = Lots(partial(make_ask, session))
        self._walking: Walk[LifecycleBatch] | None = None

    def met(self, records: Iterable[bytes]) -> None:
        """Let the threads of received records wait to be asked for."""
        for record in records if self._is_asked else ():
            with suppress(msgspec.DecodeError):
                self._meet(msgspec.json.decode(record, type=_Thread))

    def _meet(self, thread: _Thread) -> None:
        if thread.node_id in self._known or (thread.is_pull_request and not self._with_all):
            return
        kind = ("PullRequest" if thread.is_pull_request else "Issue") if self._with_all else None
        self._known[thread.node_id] = ChangedIssue(thread.id, thread.number, kind)
        self._lots.add(thread.node_id)

    def question(self) -> Question[Lot] | None:
        """The next lot, if one is whole."""
        return self._lots.question(least=MOST_NODES)

    def take(self, lot: Lot) -> None:
        """Ask for no further lot behind an error."""
        self._lots.take(lot)

    def keep(self, lot: Lot) -> None:
        """Store what came, with what came before."""
        self._walking = self._walking or self._begun()
        for batch in lot.batches:
            self._walking.take(still_here(batch, self._repository_id))

    def _begun(self) -> Walk[LifecycleBatch]:
        run = StreamRun(self._session, ISSUE_TIMELINE)
        run.pays_for("graphql")
        run.open("full", self._as_of_at)
        return walk_of_batches(self._session, run, self._known, is_walk=False)

    def end(self) -> None:
        """Store what waits; the rest of the stream is collected behind the list."""
        if self._walking is not None:
            self._walking.keep()
            self._walking.run.settle()

    def cut_short(self, error: BaseException) -> None:
        """Keep what came; a later run does not ask for it again."""
        if self._walking is not None:
            with suppress(LakeError):
                self._walking.keep()
            self._walking.run.interrupt(error, keeps_records=True)
