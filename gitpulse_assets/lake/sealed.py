"""JSON records that end in a digest of what stands before it, so that a flipped bit is told and not believed.

What a record means is its module's business. One without a digest is of an earlier version and is taken as it
stands.
"""

import hashlib
from typing import TypeVar

import msgspec

DIGEST = b',\n  "digest": "'
END = b'"\n}'

Record = TypeVar("Record", bound=msgspec.Struct)


class NotAsWritten(ValueError):
    """Bytes that are no such record, or no longer; str() says why."""


def encode(record: msgspec.Struct) -> bytes:
    """The record as JSON that a person can read."""
    body = msgspec.json.format(msgspec.json.encode(record), indent=2).removesuffix(b"\n}")
    return body + DIGEST + _digest_of(body) + END


def decode(body: bytes, kind: type[Record]) -> Record:
    """Read a record; raises NotAsWritten."""
    before, mark, told = body.rpartition(DIGEST)
    if mark and told != _digest_of(before) + END:
        raise NotAsWritten("its bytes are not those that were written")
    try:
        return msgspec.json.decode(body, type=kind)
    # Of bytes that are no text msgspec raises an error of Python's own.
    except ValueError as error:
        raise NotAsWritten(str(error)) from error


def _digest_of(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()
