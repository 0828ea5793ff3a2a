"""Reading an archive's hour file: gzip, one event a line, told apart from what is torn or something else.

A file may be of several gzip members, as appending writers make them. Nothing is known of tables here.
"""

from array import array
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pyarrow as pa

GZIP_MAGIC = b"\x1f\x8b"
# Large enough that a statement's planning is nothing, small enough that memory stays flat whatever the file.
CHUNK_BYTES = 48 * 1024 * 1024
# Few enough for several threads of DuckDB to share a chunk.
ROWS_A_BATCH = 4_096
# No event is so long: what has no ends of lines is something else, whatever it unpacks to.
LINE_BYTES_MAX = 256 * 1024 * 1024
PACKED_BYTES, UNPACKED_BYTES = 64 * 1024, 256 * 1024


class UnreadableFile(Exception):
    """The file is not what an hour file is; `status` is the word of `archive_hour` for it."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file with their ends, not known to be UTF-8; `first_line` counts from 1."""

    lines: pa.StringArray
    first_line: int

    def table(self) -> pa.Table:
        """The lines with their numbers as a table, in pieces that several threads can read."""
        numbers = pa.array(range(self.first_line, self.first_line + len(self.lines)), pa.int64())
        rows = pa.record_batch([self.lines, numbers], ["line", "line_number"])
        return pa.Table.from_batches(
            [rows.slice(at, ROWS_A_BATCH) for at in range(0, len(rows), ROWS_A_BATCH)], rows.schema
        )


def chunks(file: pa.NativeFile, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Unpack a file piece by piece; the next piece takes the memory of the one before.

    Raises UnreadableFile, after the pieces before, where the file ends early or is something else.
    """
    line = 1
    for text, length in whole_lines(file, size):
        chunk = Chunk(_cut(text, length), line)
        yield chunk
        line += len(chunk.lines)


def whole_lines(file: pa.NativeFile, size: int = CHUNK_BYTES) -> Iterator[tuple[bytearray, int]]:
    """Unpack a file in pieces of whole lines, each in the memory of the last, with how much of it they take.

    Raises as `chunks` does.
    """
    text = bytearray(size)
    length = 0
    for piece in _unpacked(file):
        if length + len(piece) > len(text) and (end := text.rfind(b"\n", 0, length) + 1):
            yield text, end
            text[: length - end] = text[end:length]
            length -= end
        if length + len(piece) > len(text):
            if length > LINE_BYTES_MAX:
                raise UnreadableFile("damaged", f"a line has more than {LINE_BYTES_MAX:,} bytes")
            text = text[:length] + bytearray(length + len(piece))
        text[length : length + len(piece)] = piece
        length += len(piece)
    if length:
        yield text, length


def _cut(text: bytearray, length: int) -> pa.StringArray:
    """The lines of a piece, which is not copied."""
    offsets, end = array("i", [0]), 0
    # Lines are long: to look for their ends one by one costs a tenth of comparing every byte.
    while end := text.find(b"\n", end, length) + 1:
        offsets.append(end)
    if offsets[-1] < length:
        offsets.append(length)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text))


def _unpacked(file: pa.NativeFile) -> Iterator[bytes]:
    """What the file holds, in pieces that are small enough to stay in a processor's cache."""
    file.seek(0)
    packed = file.read(PACKED_BYTES)
    if not packed:
        raise UnreadableFile("empty", "the file has no bytes")
    if not _begins(packed):
        raise UnreadableFile("not_gzip", "it does not begin as gzip does")
    while packed:
        packed = yield from _member(file, packed)
        if packed and not _begins(packed):
            raise UnreadableFile("damaged", "something that is no gzip follows its end")


def _member(file: pa.NativeFile, packed: bytes) -> Generator[bytes, None, bytes]:
    """Unpack one gzip member, of which some is read; returns what is read of the next."""
    from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

    member = IgzipDecompressor(flag=DECOMP_GZIP)
    try:
        while packed:
            yield member.decompress(packed, UNPACKED_BYTES)
            while not (member.needs_input or member.eof):
                yield member.decompress(b"", UNPACKED_BYTES)
            if member.eof:
                return member.unused_data or file.read(PACKED_BYTES)
            packed = file.read(PACKED_BYTES)
    except IsalError as error:  # pyright: ignore[reportGeneralTypeIssues]
        raise UnreadableFile("damaged", f"it cannot be unpacked ({error})") from None
    raise UnreadableFile("cut_short", "the file ends before its end")


def _begins(packed: bytes) -> bool:
    return GZIP_MAGIC.startswith(packed[: len(GZIP_MAGIC)])
