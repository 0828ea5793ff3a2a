"""The lake in an S3 bucket (AWS, MinIO, SeaweedFS, …): conditional PUT as compare-and-swap.

boto3 does everything, also the ranged reads under Parquet: pyarrow's own S3 file system can neither write
with a condition nor pin the version it reads, so that a table replaced in mid-read would come out mixed.
"""

import hashlib
import logging
import os
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from gitpulse_assets.lake.errors import LakeError, ObjectNotFound, PreconditionFailed, folder_errors
from gitpulse_assets.lake.s3_errors import (
    CONFLICT,
    NO_BULK_DELETE,
    NOT_FOUND,
    PRECONDITION,
    s3_errors,
    status,
)
from gitpulse_assets.lake.s3_file import RangedFile, read_object
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.lake.scratch import machine_scratch
from gitpulse_assets.lake.store import ListedObject, ObjectInfo, OpenObject, StoredObject
from gitpulse_assets.processes.stopping import pause

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60
REQUEST_ATTEMPTS = 5

# S3 answers 409 to a conditional write that meets another one in flight: neither a win nor a loss yet.
CONFLICT_ATTEMPTS = 6
CONFLICT_WAIT_SECONDS = 0.1

COPY_CHUNK_BYTES = 8 * 1024 * 1024
DELETE_KEYS = 1000

# Tells a write's own success from another's when the answer to it was lost and boto3 sent it again.
PUT_MARK = "gitpulse-put"


def connect(options: S3Options) -> Any:
    """The process's boto3 client of these settings; it sends nothing yet."""
    try:
        return _client(options, os.getpid())
    except OSError as error:
        key_log = os.environ.get("SSLKEYLOGFILE")
        if error.filename != key_log:
            raise
        raise LakeError(
            f"SSLKEYLOGFILE: {key_log} cannot be written ({error.strerror}); unset it, unless TLS keys are "
            "to be logged"
        ) from None


# Making a client takes 0.2 s, and a run opens the lake in every step. The process id keeps a forked child
# off its parent's connections.
@lru_cache(maxsize=4)
def _client(options: S3Options, process_id: int) -> Any:
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        s3={"addressing_style": "path" if options.endpoint_url else "auto"},
        retries={"mode": "standard", "max_attempts": REQUEST_ATTEMPTS},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        # Servers other than AWS do not all know the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A server of one's own has no regions, but boto3 signs with one.
    region = options.region or ("us-east-1" if options.endpoint_url else None)
    return Session().client(
        "s3",
        endpoint_url=options.endpoint_url,
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        aws_session_token=options.session_token,
        region_name=region,
        config=config,
    )


# What this process found readable, or writable: a run opens the lake in every step, and the check is seven
# requests, four of which write or delete. What was refused is asked again.
_checked: set[tuple[str, S3Options, str]] = set()
# The buckets and servers that this process found to delete objects one by one only.
_delete_singly: set[tuple[str, str | None]] = set()


class S3Store:
    """Objects below `prefix` (empty, or ending in `/`) of a bucket."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._place = f"s3://{bucket}/{prefix}"
        self._options = options
        self._endpoint = options.endpoint_url
        try:
            with self._errors():
                self._client = connect(options)
        except ValueError as error:
            raise LakeError(f"AWS_ENDPOINT_URL: {error}; write http://host:port") from error

    @property
    def scratch_folder(self) -> Path:
        return machine_scratch()

    def uri(self, key: str) -> str:
        return self._place + key

    def check(self, *, is_writable: bool) -> None:
        """Find the place usable, once a process and address; later requests tell their own trouble."""
        self._check_once("read", self._check_listing)
        if is_writable:
            self._check_once("write", self._check_conditions)

    def get(self, key: str) -> StoredObject | None:
        try:
            body, answer = read_object(self._client, self._name(key), self._endpoint)
        except ObjectNotFound:
            return None
        return StoredObject(body, answer["ETag"])

    def open(self, key: str) -> OpenObject | None:
        file = self._ranged(key)
        try:
            return OpenObject(pa.PythonFile(file, mode="r"), file.etag, file.size(), file.fingerprint)
        except ObjectNotFound:
            return None

    def source(self, key: str) -> pa.NativeFile:
        return pa.PythonFile(self._ranged(key), mode="r")

    def head(self, key: str) -> ObjectInfo | None:
        answer = self._head(key)
        if answer is None:
            return None
        return ObjectInfo(
            key, answer["ContentLength"], answer["LastModified"], answer["ETag"], answer["ETag"]
        )

    def put(
        self, key: str, body: bytes | Path, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        condition = {"IfMatch": if_match} if if_match else {"IfNoneMatch": "*"} if if_absent else {}
        if isinstance(body, bytes):
            return self._put(key, lambda: body, condition)
        try:
            with folder_errors(body), body.open("rb") as file:
                return self._put(key, lambda: _from_start(file), condition)
        finally:
            body.unlink(missing_ok=True)

    def move(self, source: str, target: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        # Not CopyObject: most servers know no condition on its target.
        path = self.scratch_folder / uuid.uuid4().hex
        try:
            self._download(source, path)
            return self.put(target, path, if_match=if_match, if_absent=if_absent)
        finally:
            path.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for found in page.get("Contents", []):
                    key = found["Key"].removeprefix(self._prefix)
                    yield ListedObject(key, found["Size"], found["LastModified"], found["ETag"])

    def etags(self, prefix: str) -> dict[str, str]:
        return {listed.key: listed.version for listed in self.list(prefix)}

    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.delete_object(**self._name(key))

    def delete_prefix(self, prefix: str) -> None:
        keys = [*(info.key for info in self.list(prefix)), prefix]
        for start in range(0, len(keys), DELETE_KEYS):
            self._delete_together(prefix, keys[start : start + DELETE_KEYS])

    def _delete_together(self, prefix: str, keys: Sequence[str]) -> None:
        """Delete some keys in one request, or each alone where the server does not take that."""
        if self._server in _delete_singly:
            for key in keys:
                self.delete(key)
            return
        objects = [{"Key": self._prefix + key} for key in keys]
        with self._errors(prefix):
            try:
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
            except self._client.exceptions.ClientError as error:
                if status(error) not in NO_BULK_DELETE:
                    raise
                code = error.response["Error"].get("Code", "")
                logger.warning(
                    "%s does not delete objects together (%s): deleting them one by one", self._place, code
                )
                _delete_singly.add(self._server)
                answer = None
        if answer is None:
            self._delete_together(prefix, keys)
            return
        for failed in answer.get("Errors", []):
            raise LakeError(f"{self._place}{prefix}: could not be deleted: {failed.get('Message')}")

    @property
    def _server(self) -> tuple[str, str | None]:
        return self._bucket, self._endpoint

    def _name(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _errors(self, key: str = ""):
        return s3_errors(self._place + key, self._endpoint)

    def _ranged(self, key: str) -> RangedFile:
        return RangedFile(self._client, self._name(key), self._endpoint)

    def _head(self, key: str) -> dict[str, Any] | None:
        with self._errors(key):
            try:
                return self._client.head_object(**self._name(key))
            except self._client.exceptions.ClientError as error:
                if status(error) in NOT_FOUND:
                    return None
                raise

    def _put(self, key: str, body: Callable[[], bytes | BinaryIO], condition: dict[str, str]) -> str:
        mark, digest = uuid.uuid4().hex, _md5(body())
        with self._errors(key):
            for attempt in range(CONFLICT_ATTEMPTS):
                try:
                    return self._client.put_object(
                        **self._name(key),
                        Body=body(),
                        ContentMD5=digest,
                        Metadata={PUT_MARK: mark},
                        **condition,
                    )["ETag"]
                except self._client.exceptions.ClientError as error:
                    # A missing object answers If-Match with 404 at AWS and with 412 elsewhere.
                    is_refused = (
                        status(error) in PRECONDITION or error.response["Error"]["Code"] == "NoSuchKey"
                    )
                    if condition and is_refused:
                        return self._own_etag(key, mark)
                    if status(error) not in CONFLICT:
                        raise
                    pause(CONFLICT_WAIT_SECONDS * 2**attempt)
        return self._own_etag(key, mark)

    def _own_etag(self, key: str, mark: str) -> str:
        found = self._head(key)
        if found and found["Metadata"].get(PUT_MARK) == mark:
            return found["ETag"]
        raise PreconditionFailed(f"{self._place}{key}: another run replaced it")

    def _download(self, key: str, path: Path) -> None:
        opened = self.open(key)
        if opened is None:
            raise ObjectNotFound(f"{self._place}{key}: there is no such object")
        with folder_errors(path), path.open("wb") as file, opened.file as source:
            for start in range(0, opened.size_bytes, COPY_CHUNK_BYTES):
                file.write(source.read_at(COPY_CHUNK_BYTES, start))

    def _check_once(self, use: str, check: Callable[[], None]) -> None:
        known = (self._place, self._options, use)
        if known not in _checked:
            check()
            _checked.add(known)

    def _check_listing(self) -> None:
        with self._errors():
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def _check_conditions(self) -> None:
        """Refuse a server that ignores the conditions which keep two runs apart."""
        key = f"_staging/_probe/{uuid.uuid4().hex}"
        self.put(key, b"first", if_absent=True)
        try:
            if not (self._refuses(key, if_absent=True) and self._refuses(key, if_match=f'"{"0" * 32}"')):
                raise LakeError(
                    f"{self._place}: the server ignores conditional writes (If-Match, If-None-Match), so two "
                    "runs could mix their tables: set AWS_ENDPOINT_URL to a server that honours them"
                )
        finally:
            self.delete(key)

    def _refuses(self, key: str, *, if_match: str | None = None, if_absent: bool = False) -> bool:
        try:
            self.put(key, b"second", if_match=if_match, if_absent=if_absent)
        except PreconditionFailed:
            return True
        return False


def _md5(body: bytes | BinaryIO) -> str:
    """The digest that a server holds a body against.

    Without it SeaweedFS takes a client killed between the headers of a request and its body for one that
    stored 0 bytes, over whatever was there.
    """
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(body, bytes):
        digest.update(body)
    else:
        while chunk := body.read(COPY_CHUNK_BYTES):
            digest.update(chunk)
    return b64encode(digest.digest()).decode()


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file
