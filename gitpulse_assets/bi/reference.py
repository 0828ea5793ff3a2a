"""Writes the table reference, `docs/tables.md`, from the contracts; a test holds the two together.

`python -m gitpulse_assets.bi.reference docs/tables.md` renews it.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gitpulse_assets.bi.readers import READERS
from gitpulse_assets.catalog.declared import tables_of
from gitpulse_assets.catalog.tables import CATALOG
from gitpulse_assets.chosen import CONTRIBUTORS, SUBJECTS
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.events.tables import EVENT_CONTRACTS

HEAD = """\
# Tables

Written from `gitpulse_assets/contracts/`; change a contract and run `make docs`. Paths are below the lake's
root; `<o>` and `<r>` are the repository's owner and name in lower case, `<day>` a UTC day (`2026-09-06`).
A day's tables of events have several objects: while one is put in the place of others, a reader of whole
folders may see both for a moment; who needs more reads by `silver/_commit/event_date=<day>/_commit.json`.
A table of issues has an object a range of issue numbers (`data` up to 4,999, then `<first>-<last>`, of 5,000
up to 100,000 and of 20,000 beyond; `unnumbered` where no record of the issue could be used yet), and a row is
in one of them: a reader of whole folders may see two merges of a table for a moment, but no row twice or not
at all, save those of an issue whose number was not known before.

## How to read them

`repo_owner` and `repo_name` stand in the files and, as hive keys, in their paths. The files are right; most
readers take the path's word and guess its type, so tell them to leave it alone. `ADDRESS` is a table's folder
(`…/gold/mart_issue_daily_flow`), all its files (`…/*/*/*.parquet`) or one of them.

```text
LINES
```

| reader | takes | what it cannot do |
|---|---|---|
ROWS

Each line was run on every table, every type, an empty table, repositories named in digits and `null`, and a
file stored before a column was added beside a newer one (`gitpulse rebuild OWNER/NAME` makes the two alike).

Not for these files: fastparquet (2026.9 with pandas 3.1), which fails on whole numbers and booleans beside
nulls; and PyArrow's `ds.dataset(FOLDER, partitioning="hive")` where repositories are all named in digits.
Not tried: Spark, which by its manual guesses the types of the path's keys unless
`spark.sql.sources.partitionColumnTypeInference.enabled` is false.
"""


def reference() -> str:
    """Return the whole reference as Markdown."""
    beside = {CONTRIBUTORS: MEMBER_CONTRACTS}
    added = {subject: (*dict.fromkeys(tables_of(subject)), *beside[subject]) for subject in SUBJECTS}
    of_subjects = [contract for contracts in added.values() for contract in contracts]
    always = [contract for contract in (*CATALOG, *EVENT_CONTRACTS) if contract not in of_subjects]
    lines = [head(), *sections(always)]
    for subject, contracts in added.items():
        lines += [f"# Tables where `GITPULSE_SUBJECTS={subject}`\n", *sections(contracts)]
    return "\n".join(lines)


def sections(contracts: Iterable[TableContract]) -> Iterator[str]:
    """Return the tables' sections one after the other."""
    return (line for contract in contracts for line in table(contract))


def head() -> str:
    """Return what stands above the tables: how their files are read."""
    lines = "\n".join(dict.fromkeys(reader.line for reader in READERS))
    rows = "\n".join(f"| {r.full_name} | {', '.join(r.addresses)} | {r.limit} |" for r in READERS)
    return HEAD.replace("LINES", lines).replace("ROWS", rows)


def table(contract: TableContract) -> Iterator[str]:
    """Return a table's section of the reference, in Markdown."""
    yield f"## {contract.layer}/{contract.name}\n\n{contract.description}\n"
    yield f"* path: `{path(contract)}`; view: `{contract.view_name}`"
    yield f"* grain: {contract.grain}; key: {', '.join(f'`{name}`' for name in contract.key)}\n"
    yield "| column | type | null | meaning |\n|---|---|---|---|"
    for column in contract.columns:
        words = column.description.replace("|", "\\|")
        yield f"| `{column.name}` | {column.type} | {'yes' if column.nullable else 'no'} | {words} |"
    yield ""
    for rule in contract.rules:
        yield f"* `{rule.name}` ({'blocking' if rule.is_blocking else 'reported'}): {rule.description}"
    if contract.rules:
        yield ""


def path(contract: TableContract) -> str:
    """Return where the table's data lie below the lake's root."""
    if contract.place == "day":
        return f"{contract.folder}/event_date=<day>/<part>.parquet"
    if contract.place == "organization":
        return f"{contract.folder}/org_login=<o>/data.parquet"
    is_batched = contract.layer == "bronze" and contract.name != "manifest"
    whole = "<range>.parquet" if contract.is_ranged else "data.parquet"
    file = "run_id=<id>/batch-<n>.parquet" if is_batched else whole
    return f"{contract.folder}/repo_owner=<o>/repo_name=<r>/{file}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
