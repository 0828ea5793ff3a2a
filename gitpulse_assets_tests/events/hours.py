"""Hour files made up for tests, and the truth about them in plain Python."""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gitpulse_assets.lake.hour_name import file_name

Event = Mapping[str, Any]
Key = tuple[int, str, datetime]

START = datetime(2026, 3, 1, 21, tzinfo=UTC)
TYPES = ("PushEvent", "PushEvent", "WatchEvent", "PullRequestEvent", "GollumEvent")
ACTIONS = ("opened", "closed", "merged", "reopened", "labeled")


def event(
    event_id: int,
    at: datetime,
    event_type: str = "PushEvent",
    *,
    payload: Mapping[str, Any] | None = None,
    repository: int = 1,
    login: str = "ada",
) -> dict[str, Any]:
    """An event as GitHub sends it."""
    return {
        "id": str(event_id),
        "type": event_type,
        "actor": {"id": 7, "login": login},
        "repo": {"id": repository, "name": f"acme/r{repository}"},
        "payload": dict(payload or {}),
        "public": True,
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def packed(events: Iterable[Event]) -> bytes:
    """The bytes of an hour file."""
    return gzip.compress("".join(compact(one) + "\n" for one in events).encode())


def compact(one: Any) -> str:
    """JSON without spaces."""
    return json.dumps(one, separators=(",", ":"))


def key_of(one: Event) -> Key:
    """What an event is known by."""
    return int(one["id"]), one["type"], datetime.fromisoformat(one["created_at"])


@dataclass
class Hours:
    """Two archives of a few hours, with copies, late events, colliding ids, and torn or missing files."""

    seed: int
    names: tuple[str, ...] = ("one", "two")
    hour_count: int = 3
    files: dict[tuple[str, datetime], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    torn: dict[tuple[str, datetime], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        hours = [START + timedelta(hours=number) for number in range(self.hour_count)]
        places = [(name, hour) for name in self.names for hour in hours]
        for number in range(rng.randrange(20, 120)):
            for one, copies in self._made(rng, number, hours):
                for place in rng.sample(places, copies):
                    self.files[place].append(self._copy(rng, one))
        for place in rng.sample(places, 2):
            whole = packed(self.files.pop(place, []))
            self.torn[place] = rng.choice([whole[:-6], b"<html>try later</html>", b"", b""])
        # The last is missing.
        self.files.pop(places[-1], None)
        self.torn.pop(places[-1], None)

    @staticmethod
    def _made(rng: random.Random, number: int, hours: Sequence[datetime]):
        at = rng.choice(hours) + timedelta(seconds=rng.randrange(3600))
        kind = rng.choice(TYPES)
        payload = (
            {"action": rng.choice(ACTIONS), "number": number} if kind == "PullRequestEvent" else {"ref": "m"}
        )
        yield event(number, at, kind, payload=payload), rng.choice([1, 1, 1, 2, 3])
        if rng.random() < 0.2:
            # The same id, years apart, and the same id of another type.
            yield event(number, at.replace(year=2021), kind, payload=payload), 1
            yield event(number, at, "ForkEvent"), 1

    @staticmethod
    def _copy(rng: random.Random, one: dict[str, Any]) -> dict[str, Any]:
        longer = {"pad": "x" * rng.choice([0, 0, 0, 5, 9])}
        return {**one, "payload": {**one["payload"], **longer}}

    def write(self, root: Path) -> str:
        """Store the files and return what GITPULSE_ARCHIVES says of them."""
        for name in self.names:
            (root / name).mkdir(parents=True)
        for (name, hour), events in self.files.items():
            (root / name / file_name(hour)).write_bytes(packed(events))
        for (name, hour), content in self.torn.items():
            (root / name / file_name(hour)).write_bytes(content)
        return "; ".join(f"{name}={root / name}" for name in self.names)

    def truth(self) -> dict[Key, str]:
        """The payload of the longest copy of each event in the files that are whole."""
        found: dict[Key, str] = {}
        for events in self.files.values():
            for one in events:
                payload = compact(one["payload"])
                key = key_of(one)
                found[key] = max(found.get(key, ""), payload, key=len)
        return found
