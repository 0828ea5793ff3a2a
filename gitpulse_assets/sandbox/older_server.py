"""What an older GitHub Enterprise Server says to a question about what it does not know yet, and does not
tell.

It refuses GraphQL in graphql-ruby's words, which differ from those of the reference implementation used here.
"""

import json
from collections.abc import Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)


def refused_fields(
    schema: GraphQLSchema, document: DocumentNode, names: Sequence[str]
) -> list[dict[str, Any]]:
    """The entries of `errors` for what a document asks of `Type.field`, `Type.field.argument` or `Type`."""
    info = TypeInfo(schema)
    finder = _Finder(info, frozenset(names))
    visit(document, TypeInfoVisitor(info, finder))
    return finder.refusals


class _Finder(Visitor):
    def __init__(self, info: TypeInfo, names: frozenset[str]) -> None:
        super().__init__()
        self.info, self.names = info, names
        self.refusals: list[dict[str, Any]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent, field = str(self.info.get_parent_type()), node.name.value
        if f"{parent}.{field}" in self.names:
            told = {"code": "undefinedField", "typeName": parent, "fieldName": field}
            self._refuse(f"Field '{field}' doesn't exist on type '{parent}'", told)
        for argument in node.arguments:
            if f"{parent}.{field}.{argument.name.value}" in self.names:
                self._refuse_argument(field, argument)

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> None:
        name = node.type_condition.name.value if node.type_condition else ""
        if name in self.names:
            message = f"No such type {name}, so it can't be a fragment condition"
            self._refuse(message, {"code": "undefinedType", "typeName": name})

    def _refuse_argument(self, field: str, argument: ArgumentNode) -> None:
        name = argument.name.value
        told = {"code": "argumentNotAccepted", "name": field, "typeName": "Field", "argumentName": name}
        self._refuse(f"Field '{field}' doesn't accept argument '{name}'", told)

    def _refuse(self, message: str, told: dict[str, Any]) -> None:
        self.refusals.append({"message": message, "extensions": told})


def without_keys(body: bytes, keys: Sequence[str]) -> bytes:
    """A REST answer whose records lack the keys."""

    def trimmed(value: Any) -> Any:
        if isinstance(value, list):
            return [trimmed(one) for one in value]
        if isinstance(value, dict):
            return {key: trimmed(one) for key, one in value.items() if key not in keys}
        return value

    return json.dumps(trimmed(json.loads(body))).encode() if body else body
