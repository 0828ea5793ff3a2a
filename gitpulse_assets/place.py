"""What a publication of the lake is of: a repository, an organisation, or a UTC day of public events.

A place is a key for people and the hive-style folders its tables lie in. Which tables a place has is said by
their contracts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol


class Place(Protocol):
    """Where tables that are published together lie; str() is its name for people."""

    @property
    def key(self) -> str:
        """Its partition key in Dagster."""
        ...

    @property
    def folder(self) -> str:
        """Its hive-style folders, below a table's."""
        ...

    @property
    def columns(self) -> Mapping[str, Any]:
        """What names it in rows and records, by column."""
        ...


@dataclass(frozen=True, order=True)
class Day:
    """A UTC day of public events, by their `created_at`."""

    event_date: date

    @property
    def key(self) -> str:
        """The partition key, `2026-09-06`."""
        return self.event_date.isoformat()

    @property
    def folder(self) -> str:
        """`event_date=2026-09-06`."""
        return f"event_date={self.key}"

    @property
    def columns(self) -> Mapping[str, Any]:
        """`event_date`."""
        return {"event_date": self.event_date}

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, order=True)
class Organization:
    """An organisation, by its login in lower case: its members are those of all its repositories."""

    login: str

    @property
    def key(self) -> str:
        """The partition key, `apache`."""
        return self.login

    @property
    def folder(self) -> str:
        """`org_login=apache`."""
        return f"org_login={self.login}"

    @property
    def columns(self) -> Mapping[str, Any]:
        """`org_login`."""
        return {"org_login": self.login}

    def __str__(self) -> str:
        return f"{self.login}/*"
