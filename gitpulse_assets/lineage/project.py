"""Traces every table of silver and gold to the tables and columns it is made from.

Which SQL file makes a relation follows from its name. `python -m gitpulse_assets.lineage.project` writes
what `catalog/traced.py` reads; a test holds the two together, and the definitions load the result alone.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from gitpulse_assets.catalog.declared import declared_marts
from gitpulse_assets.catalog.subjects import BRONZE, SILVER_TABLES
from gitpulse_assets.catalog.traced import FILE
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.bronze import MANIFEST as MANIFEST_TABLE
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lineage.trace import NOTHING, Origins, Relation, Tracer, UntracedSql
from gitpulse_assets.transform.entities import statement
from gitpulse_assets.transform.sql_file import load_sql

# Relations that no file makes and no table of a repository is: what is configured, and its organisation's.
CONFIGURED: Mapping[str, tuple[str, ...]] = {
    "label_group_pattern": ("position", "label_group", "pattern"),
    **{contract.name: contract.column_names for contract in MEMBER_CONTRACTS},
}
# Relations of conversations, which are empty where those are not collected.
OF_CONVERSATIONS: Mapping[str, tuple[str, ...]] = {
    "label_change": ("issue_id", "label_name", "event_type", "occurred_at")
}
MANIFEST = "bronze/manifest"
# Parts of the manifest under names of their own, and what a column is called there.
OF_MANIFEST: Mapping[str, Mapping[str, str]] = {"run_order": {"run_id": "run_id", "run_sequence": "sequence"}}
# The last merge's commit: what it took in of each run, which is about all of its tables.
COMMIT: Mapping[str, tuple[str, ...]] = {"merged_batch": ("stream", "run_id", "merged_count")}
# Relations that code makes: each column of those columns of other relations.
CODED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "closure_survival": {
        "month_start": ("closure_cohort.month_start",),
        "median_age_days": (
            "closure_life.closure_age_days",
            "closure_life.departure_age_days",
            "closure_cohort.end_us",
        ),
        "issue_count": ("closure_life.created_us", "closure_cohort.end_us"),
        "censored_count": (
            "closure_life.closure_age_days",
            "closure_life.departure_age_days",
            "closure_cohort.end_us",
        ),
    }
}
# Another state of a table: the one before this merge, whose origins are those of the merges before, and
# that of another repository.
BEFORE, ELSEWHERE = "stored_", "other_"
FILES = {"counted_total": ("checks", "control_total")}
# The moment that marts hold for is the sync state's.
AS_OF = ("silver/sync_state", "as_of_at")
MOMENTS = frozenset({"as_of_at", "end_at"})
PAYLOAD = "payload_json"

Columns = dict[str, list[str]]


class Project:
    """Finds what a statement of a layer reads, and keeps which tables that were."""

    def __init__(self, layer: str, tables: Mapping[str, TableContract]) -> None:
        self._layer, self._tables = layer, tables
        self.read: set[str] = set()

    def relation(self, name: str) -> Relation:
        """Return the relation of a name in a statement; raises UntracedSql for an unknown one."""
        if name in CONFIGURED:
            return Relation(dict.fromkeys(CONFIGURED[name], NOTHING))
        if name in OF_CONVERSATIONS and CONTRIBUTORS not in chosen_subjects():
            return Relation(dict.fromkeys(OF_CONVERSATIONS[name], NOTHING))
        if name in CODED:
            return Relation({own: self._computed(of) for own, of in CODED[name].items()})
        if name in COMMIT:
            self.read |= {f"silver/{t.name}" for t in SILVER_TABLES if t.name != "sync_state"}
            return Relation(dict.fromkeys(COMMIT[name], NOTHING))
        if name in OF_MANIFEST:
            self.read.add(MANIFEST)
            return Relation({own: frozenset({(MANIFEST, of)}) for own, of in OF_MANIFEST[name].items()})
        if name.startswith(BEFORE):
            return Relation(dict.fromkeys(self._tables[name.removeprefix(BEFORE)].column_names, NOTHING))
        if (table := name.removeprefix(ELSEWHERE)) in self._tables:
            return self._table(self._tables[table])
        return self.trace(*FILES.get(name, (self._layer, name)))

    def _computed(self, sources: Iterable[str]) -> Origins:
        made = (each.split(".") for each in sources)
        return NOTHING.union(*(self.relation(of).columns[name] for of, name in made))

    def parameter(self, name: str) -> Origins:
        """Return where a parameter of a statement comes from."""
        if name not in MOMENTS:
            return NOTHING
        self.read.add(AS_OF[0])
        return frozenset({AS_OF})

    def _table(self, contract: TableContract) -> Relation:
        key = "/".join(contract.asset_key)
        self.read.add(key)
        columns = {name: frozenset({(key, name)}) for name in contract.column_names}
        return Relation(columns, columns[contract.key[-1]])

    def trace(self, folder: str, name: str) -> Relation:
        """Return the columns of the statement in a file; raises UntracedSql, which names the file."""
        try:
            text = statement(name) if folder == "silver" else load_sql(folder, name)
            return Tracer(self.relation, self.parameter).trace(text)
        except FileNotFoundError:
            raise UntracedSql(f"{name} is no table, and no sql/{folder}/{name}.sql makes it") from None
        except UntracedSql as error:
            raise UntracedSql(f"sql/{folder}/{name}.sql: {error}") from None


def traced_project() -> dict[str, dict[str, Columns]]:
    """Trace every table of silver and gold, as `catalog/traced.py` reads it; raises UntracedSql."""
    bronze = {f"bronze_{table.name}": table for table in BRONZE} | {"manifest": MANIFEST_TABLE}
    silver = {table.name: table for table in SILVER_TABLES}
    marts = list(declared_marts())
    gold = silver | {mart.name: mart.contract for mart in marts}
    found = {
        f"silver/{name}": traced(table, (name,), Project("silver", bronze | silver))
        for name, table in silver.items()
    }
    for mart in sorted(marts, key=lambda mart: mart.name):
        found[f"gold/{mart.name}"] = traced(mart.contract, mart.sources, Project("gold", gold), mart.computed)
    return found


def traced(
    table: TableContract,
    statements: Iterable[str],
    project: Project,
    computed: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Columns]:
    """Trace one table: each column by the statement that has it, or as `computed` says."""
    relations = {name: project.trace(table.layer, name).columns for name in statements}
    by_name = {
        column: origins for columns in reversed(relations.values()) for column, origins in columns.items()
    }
    for column, sources in (computed or {}).items():
        made = (each.split(".") for each in sources)
        by_name[column] = NOTHING.union(
            *((relations.get(of) or project.relation(of).columns)[name] for of, name in made)
        )
    if missing := set(table.column_names) - by_name.keys():
        raise UntracedSql(f"{table.name}: nothing makes {', '.join(sorted(missing))}")
    own = "/".join(table.asset_key)
    found: dict[str, Columns] = {name: {} for name in sorted(project.read - {own})}
    for column in table.column_names:
        for source, of in sorted(by_name[column]):
            if source != own:
                found[source].setdefault(column, []).append(shown(of))
    return {
        source: {column: sorted(set(of)) for column, of in columns.items()}
        for source, columns in found.items()
    }


def shown(column: str) -> str:
    """A column without the path into it, which only a payload has."""
    return column if column.startswith(PAYLOAD) else column.partition(".")[0]


if __name__ == "__main__":
    Path(str(FILE)).write_text(json.dumps(traced_project(), indent=1) + "\n", encoding="utf-8")
