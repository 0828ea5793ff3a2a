"""Taking a person out of public events: kept hour files, rows, typed tables, and lines that are no event.

    kept files first, or reading one again would bring the person back -> then each day, in one publication

An event stays, with its time and type, so that no count changes; who did it is the account `ghost`. It is
marked, since a feed serves it again for 30 days, with the person.
Done again after a crash, it goes on with what names the person still.
"""

import gzip
import hashlib
import io
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import ARCHIVE_FEED, ARCHIVE_HOUR, POLLED_TABLES, UNUSABLE_EVENT
from gitpulse_assets.events.at_work import at_work
from gitpulse_assets.events.feed_state import Feeds, feeds
from gitpulse_assets.events.hour_file import UnreadableFile, whole_lines
from gitpulse_assets.events.ledger import hour_key, hour_rows, put_rows
from gitpulse_assets.events.merge import publish, published
from gitpulse_assets.events.projection import Projection
from gitpulse_assets.events.rewriting import Change, Row, change_rows, rewrite_day
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.duck import literal
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, together
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.place import Day
from gitpulse_assets.upkeep.persons import (
    GHOST,
    Traces,
    as_json,
    ids_of,
    read_json,
    without_person,
)

# Whose rows are of a repository, by `repository_name`.
FOLLOWED_TABLES = (*POLLED_TABLES, ARCHIVE_FEED)
FORGOTTEN_LINE = "[forgotten]"
TAKEN_OUT = "a person was taken out of the file that is kept"
# As gzip itself packs; the most would take twice as long for a hundredth of the size.
PACKING = 6
TEXT_BYTES = 4 * 1024 * 1024
BRANCHES = "refs/heads/"
# What stands in the place of the words of a push's and a wiki's author.
OWN: dict[str, dict[str, Any]] = {
    "commits": {"author": {"name": GHOST["login"], "email": ""}, "message": None},
    "pages": {"summary": None},
}


@dataclass(frozen=True)
class ForgottenEvents:
    """What was changed: kept files, and events in the tables."""

    file_count: int
    event_count: int


def forget_in_events(
    lake: Lake, con: duckdb.DuckDBPyConnection, login: str, projections: Sequence[Projection]
) -> ForgottenEvents:
    """Take a person out of all public events; raises LakeError while a backfill or repair brings some."""
    person = Person(login, ids_of(lake, login))
    change = Change(person.condition, person.out_of_row)
    file_count = event_count = 0
    with at_work(lake.store, "forgetting") as sign:
        for key in [info.key for info in lake.store.list(paths.HOUR_FILES)]:
            sign()
            file_count += forget_in_file(lake, key, person)
        for day in begun_days(lake):
            sign()
            event_count += rewrite_day(lake, con, day, projections, change)
            forget_in_lines(lake, day, person)
            change_rows(lake, day, dict.fromkeys(FOLLOWED_TABLES, person.out_of_followed))
            change_rows(lake, day, {ARCHIVE_HOUR: person.out_of_filter})
        forget_polls(lake, person)
    return ForgottenEvents(file_count, event_count)


def begun_days(lake: Lake) -> list[Day]:
    """The days of which anything is published, or was about to be."""
    keys = (info.key for info in lake.store.list(paths.commit_prefix("silver")))
    return sorted({day for key in keys if (day := paths.day_of(key))})


class Person:
    """A person by their login and the ids of their account, and what is left of an event without them.

    A repository of theirs is called `ghost/…`: its id tells it from others.
    """

    def __init__(self, login: str, ids: Iterable[int] = ()) -> None:
        self.login = login.lower()
        self._traces = Traces(login, ids=ids)
        # As a value, an owner and in addresses: where nothing says what a text is.
        self._anywhere = re.compile(
            rf'((?<=")|(?<=/repos/)|(?<=github\.com/)|(?<=/users/)){re.escape(login)}(?=[/":?#]|$)',
            re.IGNORECASE,
        )

    def may_be_in(self, text: bytes) -> bool:
        """Whether lines of an hour file may name them."""
        ids = (str(one).encode() for one in self._traces.ids)
        return self.login.encode() in text.lower() or any(one in text for one in ids)

    def owns(self, repository_name: str) -> bool:
        """Whether a repository, by owner/name, is theirs."""
        return repository_name.lower().startswith(f"{self.login}/")

    def out_of_followed(self, row: Row) -> Row | None:
        """A row that is of a repository, unless that is theirs."""
        return None if self.owns(row["repository_name"]) else row

    def out_of_filter(self, row: Row) -> Row:
        """A row of `archive_hour` whose filter does not name their repositories."""
        kept = row["kept_repositories"]
        return row if kept is None else row | {"kept_repositories": [n for n in kept if not self.owns(n)]}

    @property
    def condition(self) -> str:
        """What may name them, as SQL over `public_event`; rather too much than too little."""
        told = ("actor_login", "repository_name", "org_login", "payload_json")
        by_login = [f"contains(lower({name}), {literal(self.login)})" for name in told]
        by_id = [f"actor_id = {one} or contains(payload_json, '{one}')" for one in self._traces.ids]
        return " or ".join([*by_login, *by_id])

    def out_of_row(self, row: Row) -> Row:
        """A row of `public_event` without them."""
        is_actor = self._traces.is_account({"login": row["actor_login"], "id": row["actor_id"]})
        who = {"actor_login": GHOST["login"], "actor_id": GHOST["id"]} if is_actor else {}
        payload = row["payload_json"]
        if payload and (read := read_json(payload)) is not None:
            own = self._own_out_of(read, is_actor=is_actor)
            payload = without_person(payload if own == read else as_json(own), self._traces)
        size = len(payload.encode()) if payload else 0
        name = row["repository_name"] and self._owned(row["repository_name"])
        left = row | who | {"payload_json": payload, "payload_bytes": size, "repository_name": name}
        return left if left == row else left | {"is_forgotten": True}

    def out_of_line(self, line: bytes) -> bytes:
        """A line of an hour file without them, event or not."""
        if not self.may_be_in(line):
            return line
        end = line[len(line.rstrip(b"\r\n")) :]
        try:
            text = line.decode().rstrip("\r\n")
            event = json.loads(text)
        except ValueError:
            return FORGOTTEN_LINE.encode() + end
        if not isinstance(event, dict) or not isinstance(event.get("payload"), dict):
            return self._anywhere.sub(str(GHOST["login"]), without_person(text, self._traces)).encode() + end
        own = self._own_out_of_event(event)
        return without_person(text if own == event else as_json(own), self._traces).encode() + end

    def _own_out_of_event(self, event: dict[str, Any]) -> dict[str, Any]:
        is_actor = self._traces.is_account(event.get("actor"))
        cleaned = event | {"payload": self._own_out_of(event["payload"], is_actor=is_actor)}
        repository = event.get("repo")
        if isinstance(repository, dict) and isinstance(repository.get("name"), str):
            cleaned["repo"] = repository | {"name": self._owned(repository["name"])}
        return cleaned

    def _own_out_of(self, payload: Any, *, is_actor: bool) -> Any:
        """A payload without what is theirs and has no account beside it that says so."""
        if not isinstance(payload, dict):
            return payload
        return {key: self._own_out_of_part(key, value, is_actor) for key, value in payload.items()}

    def _own_out_of_part(self, key: str, value: Any, is_actor: bool) -> Any:
        if key in OWN and isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return [item | OWN[key] if is_actor or self._is_author(item) else item for item in value]
        if key == "ref" and is_actor and isinstance(value, str):
            begin = BRANCHES if value.startswith(BRANCHES) else ""
            return begin + self._traces.out_of_name(value.removeprefix(begin))
        return value

    def _is_author(self, commit: dict[str, Any]) -> bool:
        """Whether a commit that somebody else pushed names them by their login."""
        author = commit.get("author")
        told = author if isinstance(author, dict) else {}
        names = [str(told.get("name", "")), *re.split("[+@]", str(told.get("email", "")))[:-1]]
        return self.login in map(str.lower, names)

    def _owned(self, name: str) -> str:
        owner, slash, own = name.partition("/")
        return f"{GHOST['login']}{slash}{own}" if owner.lower() == self.login else name


def forget_in_file(lake: Lake, key: str, person: Person) -> bool:
    """Take a person out of a kept hour file; return whether they were in it. A longer login is another's.

    Its checksum is noted before the file is put: a call that was cut short in between finds the person again
    and makes the same file. One that cannot be read is removed; it is asked for again.
    """
    day = paths.day_of(key)
    if day is None:
        return False
    try:
        if not any(map(person.may_be_in, texts_of(lake, key))):
            return False
        path = lake.store.scratch_folder / f"forgetting-{uuid.uuid4().hex}"
        try:
            if not write_without(lake, key, person, path):
                return False
            note_file(lake, day, key, path)
            lake.store.put(key, path)
        finally:
            path.unlink(missing_ok=True)
    except UnreadableFile:
        lake.store.delete(key)
    return True


def texts_of(lake: Lake, key: str) -> Iterator[bytes]:
    """The file unpacked, in pieces of whole lines."""
    opened = lake.store.open(key)
    if opened is not None:
        with opened.file as file:
            yield from (bytes(memoryview(text)[:length]) for text, length in whole_lines(file, TEXT_BYTES))


def write_without(lake: Lake, key: str, person: Person, path: Path) -> bool:
    """Write the file anew, always the same bytes for the same lines; return whether any line changed."""
    is_changed = False
    with path.open("wb") as raw, gzip.GzipFile("", "wb", PACKING, raw, mtime=0) as packed:
        for text in texts_of(lake, key):
            cleaned = b"".join(map(person.out_of_line, io.BytesIO(text)))
            is_changed |= cleaned != text
            packed.write(cleaned)
    return is_changed


def note_file(lake: Lake, day: Day, key: str, path: Path) -> None:
    """Let the day's `archive_hour` say what is kept now: no file that a manifest of the archive names."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows = [row for row in hour_rows(lake, day) if hour_key(row) == key]
    kept = [
        replace(
            row,
            sha256=digest,
            size_bytes=path.stat().st_size,
            is_checksum_confirmed=False,
            detail=TAKEN_OUT,
        )
        for row in rows
    ]
    put_rows(lake, day, kept)


def forget_in_lines(lake: Lake, day: Day, person: Person) -> None:
    """Take a person out of the lines of a day that are no event."""

    def attempt(publication: Publication) -> None:
        parts = open_parts(lake.store, UNUSABLE_EVENT, day, publication.previous)
        rows = together(UNUSABLE_EVENT, list(parts.values())).to_table().to_pylist()
        cleaned = [row | {"line": person.out_of_line(row["line"].encode()).decode()} for row in rows]
        if cleaned != rows:
            table = pa.Table.from_pylist(cleaned, UNUSABLE_EVENT.arrow_schema)
            publish(publication, [publication.stage(UNUSABLE_EVENT, table)])

    published(lake, day, attempt)


def forget_polls(lake: Lake, person: Person) -> None:
    """Take the feeds of a person's own repositories out of what is kept for the next poll."""
    kept = feeds(lake.store)
    states = kept.load().feeds
    left = {name: state for name, state in states.items() if not person.owns(name)}
    if left != states:
        kept.save(Feeds(left))
