"""One object of a bucket as a file that pyarrow can read ranges of."""

import io
from typing import Any

import stamina

from gitpulse_assets.lake.errors import LakeError, ObjectDamaged, ObjectNotFound, ObjectReplaced
from gitpulse_assets.lake.s3_errors import (
    NO_SUCH_RANGE,
    NOT_FOUND,
    PRECONDITION,
    SERVER_ERROR,
    s3_errors,
    status,
)
from gitpulse_assets.lake.store import TAIL_BYTES, fingerprint_of

# boto3 sends a request again until its answer begins; a body that breaks off is left to us. The attempts are
# the bound: a time for all of them together would leave a body that breaks off late without a second one.
BODY_ATTEMPTS = 4
BODY_WAIT_SECONDS = 0.5

Answer = dict[str, Any]


class NoSuchRange(LakeError):
    """The object has none of the bytes that were asked for."""


def read_object(
    client: Any, name: dict[str, str], endpoint_url: str | None, **how: str
) -> tuple[bytes, Answer]:
    """Read an object, or the range that `how` names, and return its bytes and the server's answer.

    Raises ObjectNotFound, ObjectReplaced where a condition in `how` does not hold, NoSuchRange,
    ObjectDamaged where the server has lost its bytes alone, or another LakeError.
    """
    from botocore.exceptions import IncompleteReadError, ResponseStreamingError

    def read() -> tuple[bytes, Answer]:
        answer = client.get_object(**name, **how)
        return answer["Body"].read(), answer

    uri = f"s3://{name['Bucket']}/{name['Key']}"
    with s3_errors(uri, endpoint_url):
        try:
            again = stamina.RetryingCaller(
                attempts=BODY_ATTEMPTS, timeout=None, wait_initial=BODY_WAIT_SECONDS
            )
            return again((IncompleteReadError, ResponseStreamingError), read)
        except client.exceptions.ClientError as error:
            if status(error) in PRECONDITION:
                raise ObjectReplaced(
                    f"{uri}: another run published it anew while it was read; run it again"
                ) from error
            if status(error) in NO_SUCH_RANGE:
                raise NoSuchRange(f"{uri}: has no such bytes") from error
            if status(error) in NOT_FOUND and error.response["Error"]["Code"] == "NoSuchKey":
                raise ObjectNotFound(f"{uri}: there is no such object") from error
            if status(error) == SERVER_ERROR and is_known(client, name):
                said = error.response["Error"].get("Message", "")
                raise ObjectDamaged(
                    f"{uri}: the server knows it and cannot read it ({SERVER_ERROR}: {said}): look at that "
                    "server; where it reads others, this one is lost there; run gitpulse repair OWNER/NAME"
                ) from error
            raise


def is_known(client: Any, name: dict[str, str]) -> bool:
    """Whether the server describes an object, which is no answer of one that is down.

    So tells SeaweedFS of an object of which a bit has rotted on its disk.
    """
    try:
        client.head_object(**name)
    except client.exceptions.ClientError:
        return False
    return True


class RangedFile(io.RawIOBase):
    """One version of an object: opened at the first read, and never mixed with a later version.

    Raises ObjectNotFound where there is none and ObjectReplaced where it was replaced after the first read.
    """

    def __init__(self, client: Any, name: dict[str, str], endpoint_url: str | None) -> None:
        super().__init__()
        self._client = client
        self._name = name
        self._endpoint = endpoint_url
        self._position = 0
        self._size = -1
        self._etag = ""
        self._tail = b""

    @property
    def etag(self) -> str:
        self._load_tail()
        return self._etag

    def size(self) -> int:
        self._load_tail()
        return self._size

    @property
    def fingerprint(self) -> str:
        self._load_tail()
        return fingerprint_of(self._size, self._tail)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        self._position = offset + (self.size() if start is None else start)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self.size() - self._position)
        count = left if size is None or size < 0 else min(size, left)
        body = self._range(self._position, count) if count else b""
        self._position += len(body)
        return body

    def _range(self, start: int, count: int) -> bytes:
        tail_start = self._size - len(self._tail)
        if start >= tail_start:
            return self._tail[start - tail_start : start - tail_start + count]
        return self._get(Range=f"bytes={start}-{start + count - 1}", IfMatch=self._etag)[0]

    def _load_tail(self) -> None:
        if self._size < 0:
            # The footer of a Parquet file, and the whole of a small table, come with the first request.
            try:
                self._tail, answer = self._get(Range=f"bytes=-{TAIL_BYTES}")
                size = answer["ContentRange"].rpartition("/")[2]
            except NoSuchRange:
                # An object of 0 bytes has no last byte.
                self._tail, answer = self._get()
                size = len(self._tail)
            self._etag, self._size = answer["ETag"], int(size)

    def _get(self, **how: str) -> tuple[bytes, Answer]:
        return read_object(self._client, self._name, self._endpoint, **how)
