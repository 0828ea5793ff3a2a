"""Reading an archive's hour file: gzip, one event a line, told apart from what is torn or something else.

A file may be of several gzip members, as appending writers make them. Nothing is known of tables here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

GZIP_MAGIC = b"\x1f\x8b"
# Large enough for DuckDB to read in parallel, small enough that memory stays flat whatever the file.
CHUNK_BYTES = 48 * 1024 * 1024
READ_BYTES = 4 * 1024 * 1024


class UnreadableFile(Exception):
    """The file is not what an hour file is; `status` is the word of `archive_hour` for it."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Chunk:
    """Whole lines of the file, stored for DuckDB; `first_line` counts from 1."""

    path: Path
    first_line: int
    line_count: int


def chunks(file: pa.NativeFile, folder: Path, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Unpack a file into `folder` piece by piece; each piece is removed when the next is asked for.

    Raises UnreadableFile, after the pieces before, where the file ends early or is something else.
    """
    line = 1
    path = folder / "chunk.ndjson"
    try:
        for pieces in _pieces_of_whole_lines(file, size):
            with path.open("wb") as unpacked:
                unpacked.writelines(pieces)
            count = sum(piece.count(b"\n") for piece in pieces) + (not pieces[-1].endswith(b"\n"))
            yield Chunk(path, line, count)
            line += count
    finally:
        path.unlink(missing_ok=True)


def whole_lines(file: pa.NativeFile, size: int = READ_BYTES) -> Iterator[bytes]:
    """Unpack a file in pieces of whole lines; raises UnreadableFile as `chunks` does."""
    return (b"".join(pieces) for pieces in _pieces_of_whole_lines(file, size))


def _pieces_of_whole_lines(file: pa.NativeFile, size: int) -> Iterator[list[bytes]]:
    """Pieces that are whole lines together; only the last of them is copied to be cut."""
    waiting: list[bytes] = []
    length = 0
    for piece in _unpacked(file):
        waiting.append(piece)
        length += len(piece)
        end = piece.rfind(b"\n") + 1
        if length >= size and end:
            waiting[-1] = piece[:end]
            yield waiting
            waiting, length = [piece[end:]], len(piece) - end
    if length:
        yield waiting


def _unpacked(file: pa.NativeFile) -> Iterator[bytes]:
    magic = file.read_at(2, 0)
    file.seek(0)
    if not magic:
        raise UnreadableFile("empty", "the file has no bytes")
    if magic != GZIP_MAGIC:
        raise UnreadableFile("not_gzip", "it does not begin as gzip does")
    with pa.CompressedInputStream(file, "gzip") as stream:
        while True:
            try:
                piece = stream.read(READ_BYTES)
            except OSError as error:
                raise _torn(str(error)) from None
            if not piece:
                return
            yield piece


def _torn(said: str) -> UnreadableFile:
    if "Truncated" in said:
        return UnreadableFile("cut_short", "the file ends before its end")
    if "header" in said or "compression method" in said:
        return UnreadableFile("damaged", "something that is no gzip follows its end")
    return UnreadableFile("damaged", f"it cannot be unpacked ({said})")
