"""Loads a folder of recorded GitHub data into a world: the issue list of one date and the events until then.

Records and events are served as recorded, byte for byte, rows that the recording repeats included. Nothing is
made up but what the recording lacks: the repository's own record, and why a number that an earlier list has
is gone (taken as deleted, or as hidden when a later list has it again).
"""

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gitpulse_assets.sandbox.model import Event, Issue, Label, User
from gitpulse_assets.sandbox.times import iso, parse_iso
from gitpulse_assets.sandbox.world import World

REPOSITORIES_PATH = "/repos/"


class RecordingUnusable(Exception):
    """The folder holds no such recording; str() is one line that says what is there."""


class _User(msgspec.Struct):
    id: int
    login: str
    node_id: str
    type: str


class _Label(msgspec.Struct):
    name: str
    color: str
    id: int = 0
    default: bool = False
    description: str | None = None


class _PullRequest(msgspec.Struct):
    merged_at: str | None = None


class _Record(msgspec.Struct):
    id: int
    node_id: str
    number: int
    repository_url: str
    title: str
    user: _User | None
    state: str
    locked: bool
    comments: int
    created_at: str
    updated_at: str
    closed_at: str | None
    labels: list[_Label] = []
    assignees: list[_User] = []
    state_reason: str | None = None
    active_lock_reason: str | None = None
    author_association: str = "NONE"
    pull_request: _PullRequest | None = None


class _Rename(msgspec.Struct):
    before: str = msgspec.field(name="from")
    after: str = msgspec.field(name="to")


class _Milestone(msgspec.Struct):
    title: str


class _Event(msgspec.Struct):
    id: int
    node_id: str
    event: str
    created_at: str
    actor: _User | None = None
    state_reason: str | None = None
    lock_reason: str | None = None
    label: _Label | None = None
    assignee: _User | None = None
    rename: _Rename | None = None
    milestone: _Milestone | None = None


class _EventList(msgspec.Struct):
    number: int = msgspec.field(name="_issue_number")
    body: list[msgspec.Raw]


class _Known(msgspec.Struct):
    id: int
    node_id: str
    number: int


def recorded_dates(folder: Path) -> list[str]:
    """The dates (YYYY-MM-DD) of the issue lists in a folder of recorded data, oldest first."""
    return sorted(path.name.split(".")[1] for path in folder.glob("issues.*.jsonl.gz"))


def load_recorded(folder: Path, at: str | None = None) -> World:
    """Load the list recorded on `at` (YYYY-MM-DD, default the newest) with its events.

    The world's clock is the newest `updated_at` of the list, and events after it are left out. Raises
    RecordingUnusable.
    """
    dates = recorded_dates(folder)
    date = at or (dates[-1] if dates else "")
    if date not in dates:
        has = f"its lists are of {', '.join(dates)}" if dates else "it has no issues.YYYY-MM-DD.jsonl.gz"
        raise RecordingUnusable(f"{folder} has no list recorded on {date or 'any date'}: {has}")
    lines = list(_lines(folder / f"issues.{date}.jsonl.gz"))
    decoder = msgspec.json.Decoder(_Record)
    records = [decoder.decode(line) for line in lines]
    if not records:
        raise RecordingUnusable(f"{folder}: the list recorded on {date} is empty")
    world = World(max(record.updated_at for record in records))
    _Loader(world, records, lines).load(folder, date, dates)
    return world


class _Loader:
    def __init__(self, world: World, records: list[_Record], lines: list[bytes]) -> None:
        self.world, self.records, self.lines = world, records, lines
        self.users: dict[tuple[int, str], User] = {}
        full_name = records[0].repository_url.partition(REPOSITORIES_PATH)[2]
        self.repository = world.add_repository(full_name, repository_id=repository_id_in(records)).repository
        self.repository.created_at = parse_iso(min(record.created_at for record in records))

    def load(self, folder: Path, date: str, dates: list[str]) -> None:
        rows = [self._issue(record, line) for record, line in zip(self.records, self.lines, strict=True)]
        if self.records[0].created_at > self.records[len(rows) // 2].created_at:
            rows.reverse()
        self.repository.rows = rows
        for row in sorted(rows, key=lambda row: row.updated_at):
            self.repository.issues[row.number] = row
            self.world.ids.nodes[row.node_id] = row
        for path in sorted(folder.glob("issue_events.*.jsonl.gz"))[-1:]:
            self._add_events(path)
        self._add_departed(folder, date, dates)

    def _issue(self, record: _Record, line: bytes) -> Issue:
        author = self._user(record.user)
        if author is not None:
            author.association = record.author_association
        return Issue(
            issue_id=record.id,
            number=record.number,
            node_id=record.node_id,
            repository=self.repository,
            title=record.title,
            author=author,
            created_at=parse_iso(record.created_at),
            updated_at=parse_iso(record.updated_at),
            is_pull_request=record.pull_request is not None,
            state=record.state,
            state_reason=record.state_reason,
            closed_at=_moment(record.closed_at),
            merged_at=_moment(record.pull_request.merged_at) if record.pull_request else None,
            locked=record.locked,
            lock_reason=record.active_lock_reason,
            comment_count=record.comments,
            labels=[_label(label) for label in record.labels],
            assignees=[user for user in map(self._user, record.assignees) if user],
            raw=line,
        )

    def _user(self, user: _User | None) -> User | None:
        if user is None:
            return None
        key = (user.id, user.login)
        if key not in self.users:
            self.users[key] = User(user.id, user.login, user.type, user.node_id)
        return self.users[key]

    def _add_events(self, path: Path) -> None:
        until = iso(self.world.clock)
        for line in _lines(path):
            answer = msgspec.json.decode(line, type=_EventList)
            issue = self.repository.issues.get(answer.number)
            if issue is not None:
                recorded = [(msgspec.json.decode(raw, type=_Event), bytes(raw)) for raw in answer.body]
                issue.events = [
                    self._event(event, raw) for event, raw in recorded if event.created_at <= until
                ]

    def _event(self, event: _Event, raw: bytes) -> Event:
        return Event(
            event_id=event.id,
            kind=event.event,
            at=parse_iso(event.created_at),
            actor=self._user(event.actor),
            state_reason=event.state_reason,
            label=_label(event.label) if event.label else None,
            assignee=self._user(event.assignee),
            title_before=event.rename.before if event.rename else None,
            title_after=event.rename.after if event.rename else None,
            milestone_title=event.milestone.title if event.milestone else None,
            lock_reason=event.lock_reason,
            node_id=event.node_id,
            raw=raw,
        )

    def _add_departed(self, folder: Path, date: str, dates: list[str]) -> None:
        """Remember the numbers that an earlier list has and this one has not."""
        known = {other: _known(folder / f"issues.{other}.jsonl.gz") for other in dates if other != date}
        later = {number for other, records in known.items() if other > date for number in records}
        for other, records in known.items():
            for number in records.keys() - self.repository.issues.keys() if other < date else ():
                gone = self._departed_issue(records[number])
                gone.departure = "hidden" if number in later else "deleted"
                self.repository.departed[number] = gone
                self.world.ids.nodes[gone.node_id] = gone

    def _departed_issue(self, known: _Known) -> Issue:
        created_at = self.repository.created_at
        return Issue(known.id, known.number, known.node_id, self.repository, "", None, created_at, created_at)


def repository_id_in(records: list[_Record]) -> int | None:
    """The repository's id, which GitHub packs into an issue's newer node ids; None if there is none."""
    for record in records:
        prefix, _, packed = record.node_id.partition("_")
        if prefix in ("I", "PR"):
            padded = packed + "=" * (-len(packed) % 4)
            return msgspec.msgpack.decode(base64.urlsafe_b64decode(padded), type=tuple[int, int, int])[1]
    return None


def _known(path: Path) -> dict[int, _Known]:
    decoder = msgspec.json.Decoder(_Known)
    return {known.number: known for known in map(decoder.decode, _lines(path))}


def _label(label: _Label) -> Label:
    return Label(label.id, label.name, label.color, label.description, label.default)


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_iso(text)


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")
