"""What a metric may be asked with: each parameter's type and bounds, and a value held against them."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from gitpulse_assets.events.yaml_file import Entry
from gitpulse_assets.repo import InvalidRepo, Repo

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
INTEGER = re.compile(r"-?[0-9]{1,18}")
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
LONGEST_TEXT = 1_000
SHOWN = 40
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
# The id of the repository that is asked for, whatever name it is asked by; null where nothing says it.
ASKED_ID = "asked_repository_id"
RESERVED = ("format", "from_at", "to_at", ASKED_ID)
A_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

Value = int | float | str | None


class BadParameter(ValueError):
    """A value that a metric does not take; str() says which parameter, why, and what it takes."""


class MetricParameter(Entry):
    """A parameter of a metric; `min` and `max` bound a number, or the length of a text."""

    name: str
    type: Literal["integer", "number", "text", "repository"]
    meaning: str
    min: int | float | None = None
    max: int | float | None = None
    default: int | float | str | None = None
    unit: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in ("integer", "number")

    @property
    def sample(self) -> Value:
        """A value it takes, for a first look at the statement."""
        if self.default is not None:
            return self.default
        if self.is_number:
            return self.min if self.min is not None else self.max if self.max is not None else 1
        return "acme/rocket" if self.type == "repository" else "text"

    def window_length(self, value: Value) -> timedelta | None:
        """The time that a value stands for; None where it is no time's."""
        if self.type != "integer" or self.unit not in UNITS or not isinstance(value, int):
            return None
        return UNITS[self.unit] * min(value, timedelta.max.days)

    def read(self, text: str) -> Value:
        """The value that a text stands for; raises BadParameter."""
        if not self.is_number:
            return self.bounded(repository(self.name, text) if self.type == "repository" else text)
        if not (INTEGER if self.type == "integer" else NUMBER).fullmatch(text):
            raise BadParameter(f"{self.name}: {text[:SHOWN]!r} is no {self.in_words}")
        return self.bounded(int(text) if self.type == "integer" else float(text))

    def bounded(self, value: int | float | str) -> int | float | str:
        """The value, within its bounds; raises BadParameter."""
        size = len(value) if isinstance(value, str) else value
        least, most = self.bounds
        if not least <= size <= most or (isinstance(value, str) and not value.isprintable()):
            raise BadParameter(f"{self.name}: {str(value)[:SHOWN]!r} is no {self.in_words}")
        return value

    @property
    def bounds(self) -> tuple[float, float]:
        """Its least and its greatest value, of a text its lengths."""
        least = self.min if self.min is not None else -math.inf if self.is_number else 1
        return least, self.max if self.max is not None else math.inf if self.is_number else LONGEST_TEXT

    @property
    def in_words(self) -> str:
        """What it takes."""
        if self.type == "repository":
            return "repository; write owner/name"
        kind = {"integer": "whole number", "number": "number", "text": "text of a length"}[self.type]
        least, most = self.bounds
        low = f" from {least:,}" if math.isfinite(least) else ""
        return f"{kind}{low}{f' to {most:,}' if math.isfinite(most) else ''}"


def repository(name: str, text: str) -> str:
    """A repository's name as it is compared; raises BadParameter."""
    try:
        return Repo.parse(text).key
    except InvalidRepo:
        raise BadParameter(f"{name}: {text[:SHOWN]!r} is no repository; write owner/name") from None


def trouble_of(parameter: MetricParameter, before: Sequence[MetricParameter]) -> str | None:
    """What is wrong with a declaration; None where it is right."""
    if not NAME.fullmatch(parameter.name) or parameter.name in RESERVED:
        return (
            f"{parameter.name!r} cannot name a parameter; use lower case and _, and not {', '.join(RESERVED)}"
        )
    if parameter.name in {one.name for one in before}:
        return f"{parameter.name} is declared twice"
    least, most = parameter.bounds
    if least > most:
        return f"{parameter.name}: its min is above its max"
    if parameter.default is None:
        return None
    is_right = isinstance(parameter.default, str) is not parameter.is_number
    try:
        parameter.read(str(parameter.default))
    except BadParameter as error:
        return f"its default does not fit: {error}"
    return None if is_right else f"{parameter.name}: its default is of another type"


def read_values(parameters: Sequence[MetricParameter], given: Mapping[str, str]) -> dict[str, Value]:
    """The value of each parameter, as given or by default; raises BadParameter."""
    known = {parameter.name for parameter in parameters}
    if unknown := [name for name in given if name not in known]:
        raise BadParameter(
            f"{', '.join(name[:SHOWN] for name in unknown)}: not known here; "
            f"known are {', '.join(sorted(known)) or 'none'}"
        )
    return {one.name: one.read(given[one.name]) if one.name in given else one.default for one in parameters}
