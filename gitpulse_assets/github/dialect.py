"""What a server's GraphQL schema lacks of what the documents ask for, found out once for each client.

GitHub Enterprise Server is as old as it was installed. What can be done without is left out and its loss
told; for anything else the server is too old. The documents themselves ask for all of it.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitpulse_assets.github.errors import SchemaTooOld, one_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Optional:
    """A part of the documents: the `names` a refusal calls it by, the pattern of its text and what stands
    instead.

    `lost` is what lacks without it.
    """

    names: tuple[str, ...]
    pattern: str
    instead: str
    lost: str


# The first that a refusal names is what it is about: the argument before its field.
OPTIONAL = (
    Optional(
        ("enableDuplicate",),
        r"\(enableDuplicate: true\)",
        "",
        "that an issue was closed as a duplicate, which its timeline tells as not planned",
    ),
    # Its ids fit: a server old enough to lack the field has not counted beyond 32 bits.
    Optional(
        ("fullDatabaseId",),
        r"\bfullDatabaseId\b",
        "fullDatabaseId: databaseId",
        "nothing, databaseId tells it",
    ),
    Optional(
        ("stateReason",),
        r"\bstateReason\b(\(enableDuplicate: true\))?",
        "",
        "why an issue was closed, beyond what its record says",
    ),
    Optional(
        ("ConvertedToDiscussionEvent", "CONVERTED_TO_DISCUSSION_EVENT"),
        r"\.\.\. on ConvertedToDiscussionEvent \{[^{}]*\{[^{}]*\}\s*\}",
        "",
        "conversions to discussions, which count as closed",
    ),
)


class Dialect:
    """How one server is asked: the documents without what it lacks."""

    def __init__(self, host: str):
        self._host = host
        self._left_out: list[Optional] = []

    def spoken(self, document: str, variables: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """The document and its variables, as this server understands them."""
        unknown = {name for part in self._left_out for name in part.names}
        for part in self._left_out:
            document = re.sub(part.pattern, part.instead, document)
        return document, {name: _without(value, unknown) for name, value in variables.items()}

    def leave_out(self, refusals: Sequence[str]) -> None:
        """Do without what the server says it does not know, and say so.

        Raises SchemaTooOld where that cannot be left out, or was left out before.
        """
        known = [part for part in OPTIONAL if part not in self._left_out]
        for refusal in refusals:
            part = next((part for part in known if any(name in refusal for name in part.names)), None)
            if part is None:
                raise SchemaTooOld(
                    f"{self._host} has a GraphQL that does not know what is asked ({one_line(refusal)}); "
                    "update GitHub Enterprise Server"
                )
            if part not in self._left_out:
                self._left_out.append(part)
                logger.warning(
                    "%s is an older server, without %s: missing is %s", self._host, part.names[0], part.lost
                )


def _without(value: object, unknown: set[str]) -> object:
    """A list of a schema's names without those that are unknown; any other value as it is."""
    if not isinstance(value, list | tuple) or unknown.isdisjoint(value):
        return value
    return [one for one in value if one not in unknown]
