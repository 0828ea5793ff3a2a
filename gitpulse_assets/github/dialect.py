"""What a server's GraphQL schema lacks of what the documents ask for: found out once, or known from before.

GitHub Enterprise Server is as old as it was installed. What can be done without is left out and its loss
told; for anything else the server is too old. The documents themselves ask for all of it.
"""

import logging
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitpulse_assets.github.errors import SchemaTooOld, one_line
from gitpulse_assets.github.older_server import LOST

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Optional:
    """A part of the documents: the `names` a refusal calls it by, the pattern of its text and what stands
    instead. By the first name it is remembered.
    """

    names: tuple[str, ...]
    pattern: str
    instead: str

    @property
    def name(self) -> str:
        """What it is remembered by."""
        return self.names[0]

    @property
    def lost(self) -> str:
        """What lacks without it; empty where something else tells the same."""
        return LOST.get(self.name, "")


# The first that a refusal names is what it is about: the argument before its field.
OPTIONAL = (
    Optional(
        ("enableDuplicate",),
        r"\(enableDuplicate: true\)",
        "",
    ),
    # Its ids fit: a server old enough to lack the field has not counted beyond 32 bits.
    Optional(
        ("fullDatabaseId",),
        r"\bfullDatabaseId\b",
        "fullDatabaseId: databaseId",
    ),
    Optional(
        ("stateReason",),
        r"\bstateReason\b(\(enableDuplicate: true\))?",
        "",
    ),
    Optional(
        ("ConvertedToDiscussionEvent", "CONVERTED_TO_DISCUSSION_EVENT"),
        r"\.\.\. on ConvertedToDiscussionEvent \{[^{}]*\{[^{}]*\}\s*\}",
        "",
    ),
)


class Dialect:
    """How one server is asked: the documents without what it lacks."""

    def __init__(self, host: str):
        self._host = host
        self._left_out: list[Optional] = []
        self._lock = threading.Lock()

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the server was found to lack, by name, in order."""
        return tuple(sorted(part.name for part in self._left_out))

    @property
    def lost(self) -> tuple[str, ...]:
        """The names of those whose loss nothing makes good."""
        return tuple(sorted(part.name for part in self._left_out if part.lost))

    def recall(self, names: Iterable[str]) -> None:
        """Do without what was found lacking before, by its names; one no longer asked for is none."""
        known = set(names)
        self._left_out += [part for part in OPTIONAL if part.name in known and part not in self._left_out]

    def spoken(self, document: str, variables: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """The document and its variables, as this server understands them."""
        unknown = {name for part in self._left_out for name in part.names}
        for part in self._left_out:
            document = re.sub(part.pattern, part.instead, document)
        return document, {name: _without(value, unknown) for name, value in variables.items()}

    def leave_out(self, refusals: Sequence[str], left_out: Sequence[str]) -> None:
        """Do without what the server says it does not know, and say so.

        `left_out`: what the question was asked without; where another thread has found more meanwhile, it is
        to be asked again first. Raises SchemaTooOld for what cannot be left out, or was left out before.
        """
        with self._lock:
            if self.left_out == tuple(left_out):
                self._leave_out(refusals)

    def _leave_out(self, refusals: Sequence[str]) -> None:
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
                told = f"it cannot tell {part.lost}" if part.lost else "nothing is lost by it"
                # In one argument: the console shows of warnings that differ in further ones the first only.
                logger.warning("%s", f"{self._host} is an older server, without {part.name}: {told}")


def _without(value: object, unknown: set[str]) -> object:
    """A list of a schema's names without those that are unknown; any other value as it is."""
    if not isinstance(value, list | tuple) or unknown.isdisjoint(value):
        return value
    return [one for one in value if one not in unknown]
