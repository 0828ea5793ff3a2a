"""Case 4: a commit, a plan or an index with a flipped bit is told and not believed."""

from datetime import UTC, datetime

import pytest

from gitpulse_assets.lake.commit import Commit, CommittedTable
from gitpulse_assets.lake.sealed import NotAsWritten, decode, encode

COMMIT = Commit(
    tables={"thing": CommittedTable("e", 7, 400, "c", "f")},
    merged={"issues": {"run-1": 30}},
    made=datetime(2026, 6, 30, 12, tzinfo=UTC),
    merge_id="5f",
)


def test_04_no_flipped_bit_makes_another_commit_of_it():
    """Without a digest `made_at` was another day, by which the page dated its figures."""
    written = encode(COMMIT)
    assert decode(written, Commit) == COMMIT
    for at in range(len(written)):
        for bit in range(8):
            body = written[:at] + bytes([written[at] ^ 1 << bit]) + written[at + 1 :]
            try:
                assert decode(body, Commit) == COMMIT
            except NotAsWritten:
                continue


def test_04_one_of_an_earlier_version_is_read():
    before, _, _ = encode(COMMIT).rpartition(b",\n")
    assert decode(before + b"\n}", Commit) == COMMIT
    with pytest.raises(NotAsWritten, match="utf-8"):
        decode(b'{"merge_id": "\xff"}', Commit)
