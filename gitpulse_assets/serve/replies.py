"""From an answer to a response: its format, its ETag and 304, its place in the cache of encoded bodies."""

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import pyarrow as pa
from fastapi import Request, Response

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.serve.media import (
    MEDIA_TYPES,
    chosen_format,
    encode_csv,
    encode_json,
    encode_parquet,
    takes_gzip,
)

# The newest bodies, encoded and compressed; a page of 1,000 issues is half a megabyte.
BODIES_KEPT = 256
BODY_BYTES_KEPT = 200_000_000
SMALLEST_COMPRESSED_BYTES = 1_000
COMPRESSION_LEVEL = 5
ETAG = re.compile(r'(?:W/)?"[^"]*"')

Envelope = Mapping[str, Any]


class Replies:
    """Makes the responses of one process."""

    def __init__(self) -> None:
        self._bodies = ResultCache(BODIES_KEPT, len, BODY_BYTES_KEPT)
        self._package_version = version("gitpulse-assets")

    def table(
        self,
        request: Request,
        data_version: str,
        format_name: str | None,
        answer: Callable[[], tuple[Envelope, pa.Table]],
        headers: Callable[[], dict[str, str]] = dict,
        member: str = "rows",
    ) -> Response:
        """Reply with rows in the format asked for, in JSON inside their envelope; 304 where it is known.

        `answer` is asked only where the body is not at hand.
        """
        chosen = chosen_format(format_name, request.headers.get("accept", ""))

        def body() -> bytes:
            envelope, rows = answer()
            if chosen == "json":
                return encode_json({**envelope, member: rows.to_pylist()})
            return encode_csv(rows) if chosen == "csv" else encode_parquet(rows)

        return self._reply(request, data_version, MEDIA_TYPES[chosen], body, headers)

    def record(self, request: Request, data_version: str, answer: Callable[[], Envelope]) -> Response:
        """Reply with JSON; 304 where it is known."""
        return self._reply(request, data_version, MEDIA_TYPES["json"], lambda: encode_json(answer()), dict)

    def document(
        self,
        request: Request,
        data_version: str,
        media_type: str,
        body: Callable[[], bytes],
        caching: str,
    ) -> Response:
        """Reply with what has one form only, to be kept as `caching` says; 304 where it is known."""
        return self._reply(request, data_version, media_type, body, dict, caching)

    def _reply(
        self,
        request: Request,
        data_version: str,
        media_type: str,
        body: Callable[[], bytes],
        headers: Callable[[], dict[str, str]],
        caching: str = "private, no-cache",
    ) -> Response:
        etag = self._etag(request, data_version, media_type)
        common = {"ETag": etag, "Cache-Control": caching, "Vary": "Accept, Accept-Encoding"}
        if is_known(etag, request.headers.get("if-none-match", "")):
            return Response(None, 304, common)
        content = self._bodies.get(etag, body)
        common |= headers()
        is_long = len(content) > SMALLEST_COMPRESSED_BYTES
        if is_long and takes_gzip(request.headers.get("accept-encoding", "")):
            content = self._bodies.get((etag, "gzip"), lambda: gzip.compress(content, COMPRESSION_LEVEL))
            common["Content-Encoding"] = "gzip"
        return Response(content, 200, common, media_type)

    def _etag(self, request: Request, data_version: str, media_type: str) -> str:
        """Name what the body follows from: the data's version, the question, the format and this package.

        Weak, because compressed and plain bodies share it.
        """
        url = request.url
        parts = "\n".join((data_version, url.path, url.query, media_type, self._package_version))
        return f'W/"{hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """Compare weakly, as If-None-Match is compared (RFC 9110, 13.1.2)."""
    given = [found.removeprefix("W/") for found in ETAG.findall(if_none_match)]
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in given
