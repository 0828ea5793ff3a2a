"""Fetching hour files from archives, held against the checksums these publish. No token is sent to any."""

import hashlib
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

import httpx

from gitpulse_assets.github.connection import open_http
from gitpulse_assets.lake.hour_name import file_name, hour_of
from gitpulse_assets.processes.stopping import pause, stop_if_wished
from gitpulse_assets.setting_values.archives import Archive

ENDING = ".json.gz"
# What archives call it in JSON, of the file as it is sent.
CHECKSUMS = ("sha256", "compressed_sha256", "gzip_sha256")
SHA256 = re.compile(r"\b[0-9a-f]{64}\b", re.IGNORECASE)
ATTEMPTS = 4
FIRST_RETRY_SECONDS = 0.5
READ_BYTES = 1024 * 1024
HEADERS = {"User-Agent": "gitpulse", "Accept-Encoding": "identity"}


class ArchiveUnreachable(Exception):
    """The archive does not answer, or with something that tells nothing of its files."""


@dataclass(frozen=True)
class Fetched:
    """A file as received: its size in bytes, SHA-256, and the one that a manifest names for it."""

    size_bytes: int
    sha256: str
    promised_sha256: str | None


class Fetcher:
    """Fetches files of archives; used as a context manager, it keeps connections open between files.

    Raises UnusableEnvironment where the environment lets no HTTP client be made.
    """

    def __init__(self) -> None:
        self._client = open_http(headers=HEADERS, follow_redirects=True)

    def __enter__(self) -> "Fetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fetch(self, archive: Archive, hour_at: datetime, target: Path) -> Fetched | None:
        """Store an hour's file at `target`; None where the archive has none.

        Raises ArchiveUnreachable where it could not be asked.
        """
        name = file_name(hour_at)
        if not self._store(archive, name, target):
            return None
        digest = hashlib.sha256()
        with target.open("rb") as file:
            while piece := file.read(READ_BYTES):
                digest.update(piece)
        return Fetched(target.stat().st_size, digest.hexdigest(), self._promised(archive, name, target))

    def _promised(self, archive: Archive, name: str, beside: Path) -> str | None:
        if archive.manifest is None:
            return None
        path = beside.with_suffix(".manifest")
        try:
            own = archive.manifest.replace("{file}", name).replace("{hour}", name.removesuffix(ENDING))
            if not self._store(archive, own, path):
                return None
            return promised_sha256(path.read_text("utf-8", "replace"), name)
        finally:
            path.unlink(missing_ok=True)

    def _store(self, archive: Archive, name: str, target: Path) -> bool:
        if (folder := archive.folder) is not None:
            return _copied(archive, folder, name, target)
        for attempt in range(ATTEMPTS):
            try:
                return self._received(f"{archive.address}/{name}", target)
            except (httpx.HTTPError, ArchiveUnreachable) as error:
                if attempt == ATTEMPTS - 1:
                    raise ArchiveUnreachable(
                        f"{archive.address}/{name}: {str(error) or type(error).__name__}; "
                        "asked again next time"
                    ) from None
            pause(FIRST_RETRY_SECONDS * 2**attempt)
        raise AssertionError

    def _received(self, url: str, target: Path) -> bool:
        with self._client.stream("GET", url) as answer:
            if answer.status_code == 404:
                return False
            if answer.status_code != 200:
                raise ArchiveUnreachable(f"it answered {answer.status_code}")
            with target.open("wb") as file:
                # As sent: a server that marks the file with Content-Encoding: gzip must not unpack it.
                for piece in answer.iter_raw(READ_BYTES):
                    stop_if_wished()
                    file.write(piece)
        return True


def _copied(archive: Archive, folder: Path, name: str, target: Path) -> bool:
    if not folder.is_dir():
        raise ArchiveUnreachable(f"{folder}: there is no such folder; name another in GITPULSE_ARCHIVES")
    try:
        shutil.copyfile(folder / name, target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ArchiveUnreachable(f"{folder / name}: {error.strerror}; let GitPulse's user read it") from None
    return True


def promised_sha256(text: str, name: str) -> str | None:
    """The checksum that a manifest names for a file: JSON, or lines as sha256sum writes them."""
    with suppress(JSONDecodeError):
        return _in_json(loads(text), name)
    lines = [line for line in text.splitlines() if SHA256.search(line)]
    named = [line for line in lines if name in line]
    found = SHA256.search((named or lines or [""])[0]) if named or len(lines) == 1 else None
    return found[0].lower() if found else None


def _in_json(content: Any, name: str) -> str | None:
    if isinstance(content, list):
        items: list[Any] = content
        return next((found for one in items if (found := _in_json(one, name))), None)
    if not isinstance(content, dict):
        return None
    entries: dict[str, Any] = content
    own = entries.get(name) if isinstance(entries.get(name), str) else _own_checksum(entries)
    if isinstance(own, str) and SHA256.fullmatch(own) and _name_in(entries) in (None, name):
        return own.lower()
    others = [one for key, one in entries.items() if key == name or hour_of(key) is None]
    return _in_json(others, name)


def _own_checksum(entry: dict[str, Any]) -> Any:
    return next((entry[key] for key in CHECKSUMS if key in entry), None)


def _name_in(entry: dict[str, Any]) -> str | None:
    return next((entry[key] for key in ("file", "name", "path") if isinstance(entry.get(key), str)), None)
