"""What a GraphQL query costs by GitHub's published rules, from the query alone.

Points: the requests needed to fill every connection, over 100, at least 1. Nodes: the most records it can
return.
"""

from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode
from graphql.language import FragmentSpreadNode, IntValueNode, ListValueNode, VariableNode

REQUESTS_PER_POINT = 100
NODES_MAX = 500_000
PAGE_MAX = 100


class MissingBounds(ValueError):
    """A connection without `first` or `last`, or with one outside 1 to 100; str() is GitHub's message."""


@dataclass
class Cost:
    """What a query asks for."""

    connection_requests: int = 0
    node_count: int = 0

    @property
    def points(self) -> int:
        """What the query takes from the hourly quota."""
        return max(1, round(self.connection_requests / REQUESTS_PER_POINT))


def cost_of(document: DocumentNode, variables: dict[str, Any], connections: frozenset[str]) -> Cost:
    """Sum up a query; `connections` are the names of the fields that page. Raises MissingBounds."""
    return _Counter(document, variables, connections).count()


class _Counter:
    def __init__(
        self, document: DocumentNode, variables: dict[str, Any], connections: frozenset[str]
    ) -> None:
        self.document, self.connections = document, connections
        self.variables = _defaults(document) | variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.cost = Cost()

    def count(self) -> Cost:
        for definition in self.document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                self._walk(definition.selection_set, 1)
        return self.cost

    def _walk(self, selections: SelectionSetNode | None, parent_count: int) -> None:
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                self._walk(selection.selection_set, parent_count * self._field_count(selection, parent_count))
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                self._walk(fragment.selection_set, parent_count)
            else:
                self._walk(selection.selection_set, parent_count)  # pyright: ignore[reportAttributeAccessIssue]

    def _field_count(self, field: FieldNode, parent_count: int) -> int:
        """How many nodes a field holds for each parent, after adding what it costs itself."""
        arguments = {argument.name.value: self._value(argument.value) for argument in field.arguments}
        name = field.name.value
        if name == "nodes" and "ids" in arguments:
            self.cost.node_count += len(arguments["ids"])
            return len(arguments["ids"])
        if name not in self.connections:
            return 1
        size = self._page_size(field, arguments)
        self.cost.connection_requests += parent_count
        self.cost.node_count += parent_count * size
        return max(1, size)

    def _page_size(self, field: FieldNode, arguments: dict[str, Any]) -> int:
        """The page's size; 0 where only a count is asked for, which needs no bounds."""
        size = arguments.get("first") or arguments.get("last")
        name = field.name.value
        if size is None and self._wants_records(field):
            raise MissingBounds(
                f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
            )
        if size is not None and not 1 <= size <= PAGE_MAX:
            raise MissingBounds(
                f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of "
                f"{PAGE_MAX} records."
            )
        return size or 0

    def _wants_records(self, field: FieldNode) -> bool:
        selections = field.selection_set.selections if field.selection_set else ()
        names = {selection.name.value for selection in selections if isinstance(selection, FieldNode)}
        return not names or bool(names & {"nodes", "edges", "pageInfo"})

    def _value(self, node: Any) -> Any:
        if isinstance(node, VariableNode):
            return self.variables.get(node.name.value)
        return _literal(node)


def _defaults(document: DocumentNode) -> dict[str, Any]:
    return {
        variable.variable.name.value: _literal(variable.default_value)
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for variable in operation.variable_definitions
    }


def _literal(node: Any) -> Any:
    if isinstance(node, ListValueNode):
        return node.values
    return int(node.value) if isinstance(node, IntValueNode) else getattr(node, "value", None)
