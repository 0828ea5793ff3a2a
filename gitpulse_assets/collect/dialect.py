"""What GitHub's host is too old to know, remembered in the lake once for all repositories and runs.

A full refresh finds it out anew, since servers are updated; issues whose timelines lack what the server has
come to know are asked for again by it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from gitpulse_assets.collect.session import Session
from gitpulse_assets.lake.errors import PreconditionFailed
from gitpulse_assets.watch.state import servers


@contextmanager
def in_the_hosts_dialect(session: Session, *, is_full: bool) -> Iterator[None]:
    """Ask the host without what it lacked before, and keep what it turns out to lack meanwhile."""
    if not session.client.has_token(session.repo):
        yield
        return
    known = servers(session.lake.store).load().left_out.get(session.client.graphql_host, [])
    if not is_full:
        session.client.recall_left_out(known)
    elif known:
        session.client.find_left_out(session.repo)
    try:
        yield
    finally:
        keep(session, known)


def keep(session: Session, known: list[str]) -> None:
    """Write down what the host lacks, where that is news; another run at once has found the same."""
    found = list(session.client.left_out)
    if found == known:
        return
    state = servers(session.lake.store)
    before = state.load()
    left_out = before.left_out | {session.client.graphql_host: found}
    with suppress(PreconditionFailed):
        state.save(msgspec.structs.replace(before, left_out=left_out))
