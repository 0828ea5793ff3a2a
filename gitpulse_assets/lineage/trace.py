"""Traces each column of a SELECT to the columns it is computed from, on the tree of DuckDB's own parser.

What a value is computed from counts, not what only decides whether its row is there: conditions are read but
do not flow into columns, except into a bare count. A kind of expression or relation that is not known here is
refused with UntracedSql: half a lineage would be taken for a whole one. Which relations are assets is
`project.py`'s business.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

Node = dict[str, Any]
# (relation, column); a path into a JSON column follows it after a dot.
Origins = frozenset[tuple[str, str]]

NOTHING: Origins = frozenset()
JSON_PATHS = frozenset({"->", "->>", "json_extract", "json_extract_string"})
# Their children alone decide the value.
PLAIN = frozenset({"BETWEEN", "CASE", "CAST", "COMPARISON", "CONJUNCTION", "OPERATOR"})
# Table functions that make rows of their arguments alone.
SERIES = frozenset({"generate_series", "range", "unnest"})
CONSTANT = frozenset({"CONSTANT", "TYPE"})
# A temporary table's own row number, which comes from no column.
ROW_NUMBER = ["rowid"]
# What is no expression although it looks like a part of one.
NO_CHILD = frozenset({"query_location", "query_location_length"})


class UntracedSql(Exception):
    """A statement has something whose origin cannot be told."""


@dataclass(frozen=True)
class Relation:
    """Columns by name with their origins; `rows`: what tells its rows apart, where they are but counted."""

    columns: dict[str, Origins]
    rows: Origins = NOTHING

    def named(self, aliases: list[str]) -> "Relation":
        """The same under other column names, as many as are given."""
        names = [*aliases, *list(self.columns)[len(aliases) :]]
        return Relation(dict(zip(names, self.columns.values(), strict=True)), self.rows)


@dataclass
class NameScope:
    """The relations that an expression can name, by alias; `outer` for one inside another's condition."""

    relations: dict[str, Relation] = field(default_factory=dict)
    merged: dict[str, Origins] = field(default_factory=dict)
    aliases: dict[str, Origins] = field(default_factory=dict)
    variables: dict[str, Origins] = field(default_factory=dict)
    outer: "NameScope | None" = None

    def find(self, names: list[str]) -> Origins | None:
        """The origins of a column as it is written; None where no relation here has it."""
        first, *path = names
        if path and first in self.relations and path[0] in self.relations[first].columns:
            return below(self.relations[first].columns[path[0]], path[1:])
        found = NOTHING if [*path] == ROW_NUMBER and first in self.relations else self.unqualified(first)
        if found is not None:
            return below(found, path)
        return self.outer.find(names) if self.outer else None

    def all_columns(self, alias: str) -> dict[str, Origins]:
        """The columns of a star, of one relation where an alias is given; raises UntracedSql."""
        if alias and alias not in self.relations:
            raise UntracedSql(f"{alias}.*: no such relation")
        if alias:
            return dict(self.relations[alias].columns)
        found: dict[str, Origins] = {}
        for relation in self.relations.values():
            found |= {name: of for name, of in relation.columns.items() if name not in found}
        return found | self.merged

    def unqualified(self, name: str) -> Origins | None:
        """The origins of a column that is named without its relation."""
        for known in (self.variables, self.merged):
            if name in known:
                return known[name]
        for relation in self.relations.values():
            if name in relation.columns:
                return relation.columns[name]
        return self.aliases.get(name, NOTHING if [name] == ROW_NUMBER else None)


def is_lambda(part: Any) -> bool:
    """Whether it is a lambda."""
    return isinstance(part, dict) and part.get("class") == "LAMBDA"


def below(origins: Origins, path: list[str]) -> Origins:
    """The origins of a field within a column."""
    return frozenset((relation, ".".join([column, *path])) for relation, column in origins)


@dataclass(frozen=True)
class Standpoint:
    """Where an expression stands; `counted`: what a bare count counts.

    `is_lenient`: a name that is not known yet is passed over.
    """

    scope: NameScope
    ctes: dict[str, Relation]
    counted: Origins = NOTHING
    is_lenient: bool = False


class Tracer:
    """Traces statements over relations that `lookup` gives by name; parameters have origins, too."""

    def __init__(
        self, lookup: Callable[[str], Relation], parameter: Callable[[str], Origins] = lambda name: NOTHING
    ) -> None:
        self._lookup, self._parameter = lookup, parameter
        self._kinds: dict[str, Callable[[Node, Standpoint], Origins]] = {
            **dict.fromkeys(CONSTANT, lambda found, at: NOTHING),
            **dict.fromkeys(PLAIN, self._plain),
            "COLUMN_REF": self._column,
            "FUNCTION": self._function,
            "PARAMETER": lambda found, at: self._parameter(found["identifier"]),
            "SUBQUERY": self._subquery,
            "WINDOW": self._window,
        }

    def trace(self, statement: str) -> Relation:
        """Return the columns of one SELECT; raises UntracedSql."""
        found = duckdb.execute("select json_serialize_sql($1)", [statement]).fetchall()[0][0]
        tree = json.loads(found)
        if tree["error"]:
            raise UntracedSql(tree["error_message"])
        return self._query(tree["statements"][0]["node"], {}, None)

    def _query(self, node: Node, ctes: dict[str, Relation], outer: NameScope | None) -> Relation:
        known = dict(ctes)
        for entry in node["cte_map"]["map"]:
            made = self._query(entry["value"]["query_node"], known, outer)
            known[entry["key"]] = made.named(entry["value"]["aliases"])
        if node["type"] == "SELECT_NODE":
            return self._select(node, known, outer)
        if node["type"] == "SET_OPERATION_NODE" and "BY_NAME" not in node["setop_type"]:
            return union([self._query(child, known, outer) for child in children_of(node)])
        raise UntracedSql(f"a query of kind {node['type']}")

    def _select(self, node: Node, ctes: dict[str, Relation], outer: NameScope | None) -> Relation:
        at = Standpoint(NameScope(outer=outer), ctes)
        rows = self._from(node["from_table"], at)
        # An output column may name another, and a condition any of them: once to learn their names.
        self._outputs(node, replace(at, is_lenient=True))
        deciding = [node["where_clause"], *node["group_expressions"]]
        at = replace(at, counted=self._origins(deciding, at) or rows)
        columns = self._outputs(node, at)
        self._origins([node["having"], node["qualify"], node["modifiers"]], at)
        return Relation(columns, at.counted)

    def _outputs(self, node: Node, at: Standpoint) -> dict[str, Origins]:
        columns: dict[str, Origins] = {}
        for position, expression in enumerate(node["select_list"]):
            if expression["type"] == "STAR":
                columns |= self._star(expression, at)
                continue
            name = name_of(expression)
            # Under a name that is taken, or without one, it is there only for who counts places: a union.
            name = name if name and name not in columns else f"#{position + 1}"
            columns[name] = self._origins(expression, at)
            if expression["alias"]:
                at.scope.aliases[name] = columns[name]
        return columns

    def _star(self, star: Node, at: Standpoint) -> dict[str, Origins]:
        if star["columns"] or star["expr"] or star["rename_list"]:
            raise UntracedSql("a star that computes its columns")
        kept = at.scope.all_columns(star["relation_name"])
        for name in star["exclude_list"]:
            kept.pop(name, None)
        for entry in star["replace_list"]:
            kept[entry["key"]] = self._origins(entry["value"], at)
        return kept

    def _from(self, node: Node, at: Standpoint) -> Origins:
        """Put a FROM clause into the scope; return what tells its rows apart."""
        if node["type"] == "EMPTY":
            return NOTHING
        if node["type"] == "JOIN":
            return self._join(node, at)
        name, relation = self._relation(node, at)
        relation = relation.named(node.get("column_name_alias", []))
        at.scope.relations[node["alias"] or name] = relation
        return relation.rows

    def _relation(self, node: Node, at: Standpoint) -> tuple[str, Relation]:
        kind = node["type"]
        if kind == "BASE_TABLE":
            name = node["table_name"]
            return name, at.ctes[name] if name in at.ctes else self._lookup(name)
        if kind == "SUBQUERY":
            return "", self._query(node["subquery"]["node"], at.ctes, at.scope)
        if kind == "TABLE_FUNCTION":
            name = node["function"]["function_name"]
            if name not in SERIES:
                raise UntracedSql(f"a table of {name}()")
            columns = node["column_name_alias"] or [name]
            return name, Relation(dict.fromkeys(columns, self._origins(node["function"], at)))
        if kind == "EXPRESSION_LIST":
            columns = zip(*([self._origins(each, at) for each in row] for row in node["values"]), strict=True)
            names = node["expected_names"] or [f"col{place}" for place in range(len(node["values"][0]))]
            return "", Relation(
                {name: NOTHING.union(*each) for name, each in zip(names, columns, strict=True)}
            )
        raise UntracedSql(f"a relation of kind {kind}")

    def _join(self, node: Node, at: Standpoint) -> Origins:
        if node["ref_type"] not in ("REGULAR", "CROSS", "ASOF"):
            raise UntracedSql(f"a join of kind {node['ref_type']}")
        scope = at.scope
        left = self._from(node["left"], at)
        before = dict(scope.relations)
        right = self._from(node["right"], at)
        new = [relation for alias, relation in scope.relations.items() if alias not in before]
        for name in node["using_columns"]:
            known = [scope.merged[name]] if name in scope.merged else first_with(name, before.values())
            other = first_with(name, new)
            if not known or not other:
                raise UntracedSql(f"using ({name}): one side lacks it")
            sides = [*known, *(other if node["join_type"] in ("FULL", "RIGHT") else ())]
            scope.merged[name] = NOTHING.union(*sides)
        self._origins(node["condition"], at)
        if node["join_type"] in ("SEMI", "ANTI"):
            scope.relations = before
            return left
        return left | right

    def _origins(self, found: Any, at: Standpoint) -> Origins:
        """The origins of an expression, or of all within a list or a part of one."""
        if isinstance(found, list):
            return NOTHING.union(*(self._origins(each, at) for each in found))
        if not isinstance(found, dict):
            return NOTHING
        kind = found.get("class")
        if kind is None:
            return self._origins([value for name, value in found.items() if name not in NO_CHILD], at)
        if kind not in self._kinds:
            raise UntracedSql(f"an expression of kind {kind}")
        return self._kinds[kind](found, at)

    def _column(self, found: Node, at: Standpoint) -> Origins:
        origins = at.scope.find(found["column_names"])
        if origins is None and not at.is_lenient:
            raise UntracedSql(f"{'.'.join(found['column_names'])}: of no relation that is named here")
        return origins or NOTHING

    def _plain(self, found: Node, at: Standpoint) -> Origins:
        return self._origins(list(parts(found)), at)

    def _subquery(self, found: Node, at: Standpoint) -> Origins:
        inner = self._query(found["subquery"]["node"], at.ctes, at.scope)
        values = [] if found["subquery_type"] == "EXISTS" else inner.columns.values()
        return self._origins(found["child"], at).union(*values)

    def _function(self, found: Node, at: Standpoint) -> Origins:
        method = self._method(found, at)
        if is_bare_count(found) and not method:
            return self._origins(found["filter"], at) or at.counted
        if found["function_name"] in JSON_PATHS:
            value, path = map(argument, found["arguments"])
            text = path["literal"]["text"] if path["class"] == "CONSTANT" else ""
            return below(self._origins(value, at), re.findall(r"\.(\w+)", text)) | self._origins(path, at)
        values = [each for each in parts(found) if not is_lambda(each)]
        elements = method | self._origins(values, at)
        called = [self._lambda(each, elements, at) for each in parts(found) if is_lambda(each)]
        return elements.union(*called)

    def _method(self, found: Node, at: Standpoint) -> Origins:
        """What a method is called on: of `a.lower()` the parser makes a function of the schema `a`."""
        path = found["qualified_name"]["path"][:-1]
        return self._column({"column_names": path}, at) if path else NOTHING

    def _lambda(self, found: Node, elements: Origins, at: Standpoint) -> Origins:
        """What a lambda adds; its names stand for the elements of the list beside it."""
        inner = NameScope(outer=at.scope, variables=dict.fromkeys(lambda_names(found), elements))
        return self._origins(found["expr"], replace(at, scope=inner))

    def _window(self, found: Node, at: Standpoint) -> Origins:
        """What a window function computes with; its order matters to those that tell places, not to sums."""
        method = self._method(found, at)
        if is_bare_count(found) and not method:
            return self._origins(found["filter_expr"], at) or at.counted
        values = [found["arguments"], found["filter_expr"], found["offset_expr"], found["default_expr"]]
        if found["type"] != "WINDOW_AGGREGATE":
            values.append(found["orders"])
        self._plain(found, at)
        return method | self._origins(values, at)


def union(parts: list[Relation]) -> Relation:
    """The relation of a set operation: columns by their places, under the first one's names."""
    if len({len(part.columns) for part in parts}) > 1:
        raise UntracedSql("a set operation whose sides have columns of one name")
    columns = zip(*(part.columns.values() for part in parts), strict=True)
    merged = {name: NOTHING.union(*each) for name, each in zip(parts[0].columns, columns, strict=True)}
    return Relation(merged, NOTHING.union(*(part.rows for part in parts)))


def children_of(node: Node) -> list[Node]:
    """The queries of a set operation."""
    return node.get("children") or [node["left"], node["right"]]


def parts(found: Node) -> Iterator[Any]:
    """Yield what an expression is made of, list arguments before a lambda over them."""
    for name, value in found.items():
        if name not in NO_CHILD:
            yield from map(argument, value) if isinstance(value, list) else [value]


def argument(part: Any) -> Any:
    """A function's argument without its name."""
    is_argument = isinstance(part, dict) and part.keys() == {"name", "expression"}
    return part["expression"] if is_argument else part


def is_bare_count(found: Node) -> bool:
    """Whether it counts rows and no value: `count(*)`, of which a window's is a `count` of nothing."""
    is_function = found["class"] in ("FUNCTION", "WINDOW")
    return is_function and found["function_name"] in ("count_star", "count") and not found["arguments"]


def name_of(expression: Node) -> str:
    """The name of an output column where it is given or a column's; what others are called nobody can use."""
    return expression["alias"] or (
        expression["column_names"][-1] if expression["type"] == "COLUMN_REF" else ""
    )


def lambda_names(found: Node) -> list[str]:
    """The names a lambda gives to what it is called with."""
    left = found["lhs"]
    if left["class"] == "COLUMN_REF":
        return [left["column_names"][-1]]
    if left["class"] == "FUNCTION":
        return [name for child in map(argument, left["arguments"]) for name in child["column_names"]]
    raise UntracedSql("a lambda without names")


def first_with(name: str, relations: Iterable[Relation]) -> list[Origins]:
    """The origins of the column in the first relation that has it."""
    return [relation.columns[name] for relation in relations if name in relation.columns][:1]
