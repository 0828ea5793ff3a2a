"""Kinds of timeline entries that a server has and this project does not know: found, and asked for.

The server's schema names its kinds in the first answer of a walk, for no further point. Where some are newer
than `contracts/timeline.py` it is asked which fields they have (1 point a walk): when it happened and who did
it are received as far as it tells them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gitpulse_assets.contracts.timeline import KNOWN_KINDS

NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class _Name(msgspec.Struct):
    name: str


class _Values(msgspec.Struct, rename="camel"):
    enum_values: list[_Name] | None = None


class SchemaData(msgspec.Struct, rename="camel"):
    """The kinds that the server has, by the variable that asks for them."""

    item_types: _Values | None = None
    pull_request_item_types: _Values | None = None


class _Inner(msgspec.Struct):
    # A list has none.
    name: str | None = None


class _Of(msgspec.Struct, rename="camel"):
    kind: str
    name: str | None = None
    of_type: _Inner | None = None


class _Field(msgspec.Struct):
    name: str
    type: _Of


class _Type(msgspec.Struct):
    name: str
    fields: list[_Field] | None = None
    interfaces: list[_Name] | None = None

    def holds(self, name: str, wanted: tuple[str, str]) -> bool:
        """Whether it has the field, of the one type in which it can stand beside those of other kinds."""
        types = [one.type for one in self.fields or [] if one.name == name]
        return wanted in [(of.kind, of.of_type.name if of.of_type else of.name) for of in types]


@dataclass(frozen=True)
class NewerKinds:
    """`item_types`: the kinds, by the variable that asks for them. `fragment`: what is asked of them."""

    item_types: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    fragment: str = "fragment NewerItem on Node {\n  id\n}\n"


def newer_names(data: SchemaData) -> dict[str, list[str]]:
    """The kinds that a server has and nobody here knows, by the variable that asks for them."""
    told = {"itemTypes": data.item_types, "pullRequestItemTypes": data.pull_request_item_types}
    return {
        variable: [one.name for one in (values and values.enum_values) or [] if is_newer(one.name)]
        for variable, values in told.items()
    }


def is_newer(kind: str) -> bool:
    """Say whether nobody here knows the kind."""
    return kind not in KNOWN_KINDS and NAME.fullmatch(kind) is not None


def type_name(kind: str) -> str:
    """The type of a kind's entries, as GitHub spells it: `CLOSED_EVENT` -> `ClosedEvent`."""
    return "".join(word.capitalize() for word in kind.split("_"))


def question_about(kinds: Sequence[str]) -> str:
    """The document that asks which fields the kinds have."""
    asked = "".join(
        f'  t{at}: __type(name: "{type_name(kind)}") {{ ...Told }}\n' for at, kind in enumerate(kinds)
    )
    told = "name fields { name type { kind name ofType { name } } } interfaces { name }"
    return f"query NewerKinds {{\n  rateLimit {{ cost }}\n{asked}}}\nfragment Told on __Type {{ {told} }}\n"


def described(newer: Mapping[str, Sequence[str]], data: Mapping[str, msgspec.Raw] | None) -> NewerKinds:
    """What to ask for, by the answer to `question_about`; of what is no node nothing can be asked."""
    told = [value for name, value in (data or {}).items() if name != "rateLimit"]
    types = [one for one in (msgspec.json.decode(value, type=_Type | None) for value in told) if one]
    nodes = [one for one in types if any(face.name == "Node" for face in one.interfaces or [])]
    return NewerKinds(newer, f"fragment NewerItem on Node {{\n  id\n{''.join(map(fields_of, nodes))}}}\n")


def fields_of(found: _Type) -> str:
    """What is asked of the entries of a kind; nothing where it tells neither when nor who."""
    asked = ["createdAt"] if found.holds("createdAt", ("NON_NULL", "DateTime")) else []
    asked += ["actor { ...EventActor }"] if found.holds("actor", ("INTERFACE", "Actor")) else []
    return f"  ... on {found.name} {{ {' '.join(asked)} }}\n" if asked else ""
