"""Archives of hour files: where they are and which dates each serves, as GITPULSE_ARCHIVES says.

There is no default address. Nothing is fetched here.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from gitpulse_assets.lake.file_address import folder_of, is_file_address
from gitpulse_assets.lake.hour_name import FIRST_DAY

EXAMPLE = "gharchive=https://data.gharchive.org 2015-01-01..2025-12-31; mine=/data/hours 2026-01-01.."
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
# What the tables call events that no archive brought.
TAKEN_NAMES = frozenset({"feed", "firehose"})
REPOSITORY = re.compile(r"[a-z0-9][a-z0-9-]*/([a-z0-9._-]+|\*)")
WATCHED = "watched"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVENT_TYPE = re.compile(r"[A-Z][A-Za-z]{1,62}Event")
DATES = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)?")


@dataclass(frozen=True)
class Kept:
    """Which events of an archive's files are kept; None: all.

    `repositories`: owner/name in lower case, owner/* for all of an owner, `watched` for the watch list's.
    """

    repositories: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None

    def has(self, other: "Kept") -> bool:
        """Whether everything is kept that the other keeps."""
        return all(
            mine is None or (its is not None and set(its) <= set(mine))
            for mine, its in ((self.repositories, other.repositories), (self.types, other.types))
        )

    def joined(self, other: "Kept") -> "Kept":
        """What keeps all that either does."""
        return Kept(_both(self.repositories, other.repositories), _both(self.types, other.types))


def _both(some: tuple[str, ...] | None, others: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if some is None or others is None else tuple(sorted({*some, *others}))


@dataclass(frozen=True)
class Archive:
    """A source of hour files: an `https://` address or a folder, and the days it serves, both included.

    `manifest` is the address of a file's checksum below the archive's, with `{file}` for the file's name or
    `{hour}` for what stands before its `.json.gz`.
    """

    name: str
    address: str
    first: date
    last: date | None = None
    manifest: str | None = None
    kept: Kept = Kept()

    def serves(self, day: date) -> bool:
        """Whether a day is one of its."""
        return self.first <= day and (self.last is None or day <= self.last)

    @property
    def folder(self) -> Path | None:
        """The folder it is; None where it is an address."""
        if self.address.startswith(("https://", "http://")):
            return None
        return folder_of(self.address) if is_file_address(self.address) else Path(self.address).expanduser()


def parse_archives(text: str) -> tuple[Archive, ...]:
    """Read `name=address first..last` with its options, several separated by `;`; raises ValueError."""
    entries = [entry for entry in text.split(";") if entry.strip()]
    archives = tuple(_parsed(number, entry) for number, entry in enumerate(entries, start=1))
    if len({archive.name for archive in archives}) < len(archives):
        raise ValueError(f"two archives have the same name; for example {EXAMPLE}")
    return archives


def _parsed(number: int, entry: str) -> Archive:
    """Read one entry; what is refused may hold a password and is not shown."""
    head, *options = entry.split()
    name, _, address = head.partition("=")
    if not NAME.fullmatch(name) or not address:
        raise ValueError(f"entry {number} is not name=address; for example {EXAMPLE}")
    if name in TAKEN_NAMES:
        raise ValueError(f"entry {number}: {name} is what polls are called; take another name")
    _check_address(name, address)
    archive = Archive(name, address.rstrip("/"), FIRST_DAY)
    for option in options:
        archive = _with_option(archive, option)
    if archive.first < FIRST_DAY:
        raise ValueError(
            f"{name}: hour files before {FIRST_DAY} have another form and no event ids; "
            f"begin at {FIRST_DAY}.."
        )
    if archive.last is not None and archive.last < archive.first:
        raise ValueError(f"{name}: its last day is before its first; for example {EXAMPLE}")
    return archive


def _with_option(archive: Archive, option: str) -> Archive:
    key, _, value = option.partition("=")
    if key == "manifest" and ("{file}" in value or "{hour}" in value):
        return replace(archive, manifest=value)
    if key == "repositories":
        kept = replace(archive.kept, repositories=_repositories(archive.name, value))
        return replace(archive, kept=kept)
    if key == "types":
        return replace(archive, kept=replace(archive.kept, types=_types(archive.name, value)))
    if dates := DATES.fullmatch(option):
        return replace(archive, first=_date(dates[1]), last=_date(dates[2]) if dates[2] else None)
    raise ValueError(
        f"{archive.name}: only dates (2015-01-01..2025-12-31), manifest={{file}}.sha256 (or with {{hour}}), "
        "repositories=… and types=… follow the address"
    )


def _repositories(name: str, text: str) -> tuple[str, ...]:
    found = text.lower().split(",")
    if any(one != WATCHED and not REPOSITORY.fullmatch(one) for one in found):
        raise ValueError(f"{name}: repositories= is a list of owner/name, owner/* and {WATCHED}, with commas")
    return tuple(sorted(set(found)))


def _types(name: str, text: str) -> tuple[str, ...]:
    found = text.split(",")
    if not all(map(EVENT_TYPE.fullmatch, found)):
        raise ValueError(f"{name}: types= is a list of event types, for example PushEvent,WatchEvent")
    return tuple(sorted(set(found)))


def _check_address(name: str, address: str) -> None:
    parts = urlsplit(address)
    # On the way nobody could tell what another put in the place of a file that no manifest names.
    is_own = parts.scheme == "http" and parts.hostname in LOOPBACK
    is_web = is_own or (parts.scheme == "https" and bool(parts.hostname))
    if "://" in address and not is_file_address(address) and not is_web:
        raise ValueError(f"{name}: the address is neither https://… nor a folder; for example {EXAMPLE}")
    if "@" in parts.netloc or set("?#") & set(address):
        raise ValueError(f"{name}: its address may have no user, query or fragment; for example {EXAMPLE}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no day {text}; for example {EXAMPLE}") from None
