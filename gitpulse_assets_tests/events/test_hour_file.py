"""Hour files: whole ones in any number of gzip members, and torn ones told apart."""

import gzip
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from gitpulse_assets.events import hour_file
from gitpulse_assets.events.hour_file import UnreadableFile, chunks
from gitpulse_assets.lake.hour_name import file_name, hour_of

LINES = b"".join(b'{"id": "%d"}\n' % number for number in range(1000))
WHOLE = gzip.compress(LINES)


def unpacked(content: bytes, size: int = 500) -> list[bytes]:
    lines: list[bytes] = []
    for chunk in chunks(pa.BufferReader(content), size):
        assert chunk.first_line == len(lines) + 1
        assert chunk.table()["line"].combine_chunks().view(pa.binary()) == chunk.lines.view(pa.binary())
        lines += chunk.lines.view(pa.binary()).to_pylist()
    return lines


@pytest.mark.parametrize("members", [1, 2, 7])
def test_a_file_of_several_gzip_members_is_read_to_its_end(members: int):
    step = len(LINES) // members + 1
    content = b"".join(gzip.compress(LINES[at : at + step]) for at in range(0, len(LINES), step))
    assert unpacked(content) == LINES.splitlines(keepends=True)


def test_a_last_line_without_its_end_counts():
    assert unpacked(gzip.compress(LINES.rstrip())) == LINES.rstrip().splitlines(keepends=True)


@pytest.mark.parametrize("size", [1, 11, 12, 13, 60])
def test_a_line_longer_than_a_piece_and_one_that_ends_with_it_are_whole(size: int):
    lines = [b'{"id": "1"}\n', b"\n", b'{"id": "%s"}\n' % (b"7" * 50), "{é\n".encode("latin-1")]
    assert unpacked(gzip.compress(b"".join(lines)), size) == lines


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", "empty"),
        (b"<html>try later</html>", "not_gzip"),
        (WHOLE[: len(WHOLE) // 2], "cut_short"),
        (WHOLE[:-1], "cut_short"),
        (WHOLE + WHOLE[:30], "cut_short"),
        (WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], "damaged"),
        (WHOLE + b"<html>", "damaged"),
    ],
    ids=["no bytes", "a page", "half", "a byte short", "a member begun", "a checksum wrong", "a page behind"],
)
def test_torn_files_are_told_apart(content: bytes, status: str):
    with pytest.raises(UnreadableFile) as raised:
        unpacked(content)
    assert raised.value.status == status


def test_what_unpacks_to_one_line_without_end_is_no_hour_file(monkeypatch: pytest.MonkeyPatch):
    """Memory grew with it until the process was killed."""
    monkeypatch.setattr(hour_file, "LINE_BYTES_MAX", 1_000_000)
    with pytest.raises(UnreadableFile, match="a line has more than 1,000,000 bytes") as raised:
        unpacked(gzip.compress(bytes(3_000_000)))
    assert raised.value.status == "damaged"


def test_an_hour_has_no_leading_zero_in_its_files_name():
    at = datetime(2026, 9, 6, 7, tzinfo=UTC)
    assert file_name(at) == "2026-09-06-7.json.gz"
    assert hour_of("2026-09-06-7.json.gz") == at
    wrong = ("2026-09-06-07.json.gz", "2026-09-06-24.json.gz", "2026-13-06-1.json.gz", "x.json.gz")
    assert [hour_of(name) for name in wrong] == [None] * 4
