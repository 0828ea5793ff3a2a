"""Who is at work on public events: what brings events and what takes a person out of them exclude each other.

A backfill holds a file in hand while the person is taken out of what is stored, and would bring them back.
Each shows a mark in the lake before it looks for the other's, so that at least one of two sees the other.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from gitpulse_assets.lake import paths
from gitpulse_assets.lake.errors import LakeError, PreconditionFailed
from gitpulse_assets.lake.store import ListedObject, Store
from gitpulse_assets.processes.identity import is_gone, this_process

Kind = Literal["bringing", "forgetting"]
OTHER: dict[Kind, Kind] = {"bringing": "forgetting", "forgetting": "bringing"}
IN_WORDS: dict[Kind, str] = {
    "bringing": "a backfill or repair of public events is at work",
    "forgetting": "a person is being taken out of public events",
}
# Of a process on another machine nothing else says that it died. A sign is given with each file and day.
SIGN_LASTS = timedelta(hours=1)


class Mark(msgspec.Struct, frozen=True):
    """What a mark says: whose it is, and since when (UTC)."""

    process: str
    began_at: datetime


@contextmanager
def at_work(store: Store, kind: Kind) -> Iterator[Callable[[], None]]:
    """Work on public events; the function that is given is to be called before each file and day.

    Raises LakeError where the other kind is at work, and at a sign where this one was taken for dead.
    """
    key = f"{paths.AT_WORK}{kind}/{uuid.uuid4().hex}.json"
    body = msgspec.json.encode(Mark(this_process(), datetime.now(UTC)))
    etag = store.put(key, body, if_absent=True)

    def sign() -> None:
        nonlocal etag
        try:
            etag = store.put(key, body, if_match=etag)
        except PreconditionFailed as error:
            raise LakeError(f"{store.uri(key)}: taken for dead by another process; run it again") from error

    try:
        refuse_beside(store, OTHER[kind])
        yield sign
    finally:
        store.delete(key)


def refuse_beside(store: Store, kind: Kind) -> None:
    """Raise LakeError where one of that kind is at work; the marks of those that died are removed."""
    for info in store.list(f"{paths.AT_WORK}{kind}/"):
        stored = store.get(info.key)
        if stored is None:
            continue
        mark = msgspec.json.decode(stored.body, type=Mark)
        if is_dead(info, mark):
            store.delete(info.key)
            continue
        host, pid, _ = mark.process.split(" ", 2)
        raise LakeError(
            f"{IN_WORDS[kind]} since {mark.began_at:%Y-%m-%d %H:%M} UTC (process {pid} of "
            f"{host.partition('/')[0]}); let it end, then run this again"
        )


def is_dead(info: ListedObject, mark: Mark) -> bool:
    """Whether the process that showed a mark is gone, or gave no sign for long."""
    return is_gone(mark.process) or datetime.now(UTC) - info.modified_at > SIGN_LASTS
