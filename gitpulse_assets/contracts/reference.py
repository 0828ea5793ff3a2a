"""Writes the table reference, `docs/tables.md`, from the contracts; a test holds the two together.

`python -m gitpulse_assets.contracts.reference docs/tables.md` renews it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from gitpulse_assets.contracts.catalog import CATALOG
from gitpulse_assets.contracts.model import TableContract

HEAD = """\
# Tables

Written from `gitpulse_assets/contracts/`; change a contract and run `make docs`. Paths are below the lake's
root; `<o>` and `<r>` are the repository's owner and name in lower case.
"""


def reference() -> str:
    """Return the whole reference as Markdown."""
    return "\n".join([HEAD, *(line for contract in CATALOG for line in table(contract))])


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
    is_batched = contract.layer == "bronze" and contract.name != "manifest"
    file = "run_id=<id>/batch-<n>.parquet" if is_batched else "data.parquet"
    return f"{contract.folder}/repo_owner=<o>/repo_name=<r>/{file}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
