"""The name of one GitHub repository, as a person types it and as the lake spells it.

Names are case-insensitive at GitHub, so the lower-case form is the one that paths, partition keys and
comparisons use; GitHub's own spelling is a column of `silver/repository`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# GitHub's own limits: 39 characters for an owner (managed users add `_shortcode`), 100 for a name.
OWNER = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,99})")
NAME = re.compile(r"[a-z0-9._-]{1,100}")


class InvalidRepo(ValueError):
    """The text is not a repository's name; str() says why and shows a right one."""


@dataclass(frozen=True, order=True)
class Repo:
    """A repository's owner and name, both in lower case."""

    owner: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Repo":
        """Read `owner/name` in any letter case.

        Raises InvalidRepo for anything else, URLs included.
        """
        owner, _, name = text.strip().lower().partition("/")
        if not OWNER.fullmatch(owner) or not NAME.fullmatch(name) or name in {".", ".."}:
            raise InvalidRepo(
                f"{text!r} is not a repository; write owner/name, for example microsoft/onnxruntime"
            )
        return cls(owner, name)

    @property
    def key(self) -> str:
        """The partition key, `owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def folder(self) -> str:
        """The hive-style folders its tables lie in."""
        return f"repo_owner={self.owner}/repo_name={self.name}"

    @property
    def columns(self) -> Mapping[str, str]:
        """`repo_owner` and `repo_name`."""
        return {"repo_owner": self.owner, "repo_name": self.name}

    def __str__(self) -> str:
        return self.key
