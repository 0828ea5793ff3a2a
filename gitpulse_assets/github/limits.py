"""Whether an answer is a rate limit and how long to wait for it, in GitHub's own order.

Pure: no clock, no sleep, no request. The wait is measured on the server's clock (its `Date` header).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

# GitHub's advice for a secondary limit that names no time: at least a minute, then exponentially longer.
SECONDARY_SECONDS = 60.0
# `reset` is a whole second; coming in that same second is still refused now and then.
RESET_MARGIN_SECONDS = 1.0
# However soon GitHub wants to be asked again, each refusal of a request doubles its wait.
FLOOR_SECONDS = 1.0
MOST_DOUBLINGS = 10
LIMIT_WORDS = ("rate limit", "abuse detection")


@dataclass(frozen=True)
class Limit:
    """A refusal because of a limit: how long to wait and when that ends by the server's clock."""

    wait_seconds: float
    resumes_at: datetime


class _Problem(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class _Problems(msgspec.Struct):
    message: str | None = None
    errors: list[_Problem] | None = None


def limit_in(
    status: int, headers: Mapping[str, str], content: bytes, date: datetime, wait_count: int
) -> Limit | None:
    """Read a limit out of an answer, or None where the answer is no limit.

    `headers` must be case-insensitive; `wait_count` is how often this request has been waited for already.
    """
    if not _is_limit(status, headers, content):
        return None
    seconds = _retry_after_seconds(headers, date)
    if seconds is None:
        seconds = _until_reset_seconds(headers, date)
    if seconds is None:
        seconds = SECONDARY_SECONDS * 2 ** min(wait_count, MOST_DOUBLINGS)
    seconds = max(seconds, FLOOR_SECONDS * 2 ** min(wait_count, MOST_DOUBLINGS))
    # A malicious or broken header must not overflow the calendar.
    seconds = min(seconds, timedelta(days=365).total_seconds())
    return Limit(seconds, date + timedelta(seconds=seconds))


def end_of_budget(headers: Mapping[str, str], date: datetime) -> Limit | None:
    """The wait an answer announces that used the last unit of its budget; None where some are left."""
    seconds = _until_reset_seconds(headers, date)
    return None if seconds is None else Limit(seconds, date + timedelta(seconds=seconds))


def _is_limit(status: int, headers: Mapping[str, str], content: bytes) -> bool:
    if status == 429:
        return True
    if status == 403:
        return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or _says_limit(content)
    # GraphQL refuses with status 200; most answers are cleared without being parsed, a list without a search.
    return (
        status == 200
        and not content.startswith(b"[")
        and (b"RATE_LIMIT" in content or b"secondary rate limit" in content)
        and _says_limit(content)
    )


def _says_limit(content: bytes) -> bool:
    try:
        problems = msgspec.json.decode(content, type=_Problems)
    except msgspec.DecodeError:
        return False
    errors = problems.errors or []
    texts = [problems.message, *(problem.message for problem in errors)]
    return any(problem.type in ("RATE_LIMITED", "RATE_LIMIT") for problem in errors) or any(
        word in text.lower() for text in texts if text for word in LIMIT_WORDS
    )


def _retry_after_seconds(headers: Mapping[str, str], date: datetime) -> float | None:
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - date).total_seconds())


def _until_reset_seconds(headers: Mapping[str, str], date: datetime) -> float | None:
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") != "0" or not reset.isdecimal():
        return None
    seconds = int(reset) - date.timestamp()
    return seconds + RESET_MARGIN_SECONDS if seconds > 0 else None
