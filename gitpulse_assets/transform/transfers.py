"""Makes `mart_issue_transfer`: one repository's transfers, each with the issue it is in another watched one.

What the rows mean stands in `sql/gold/`. Which other repositories there are and how they are read is the
caller's affair.
"""

from collections.abc import Mapping, Sequence

import duckdb

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_LABELS
from gitpulse_assets.transform.sql_file import create_table, load_sql

NEIGHBOUR_TABLES: tuple[TableContract, ...] = (ISSUE_CURRENT, ISSUE_LABELS)


def find_transfers(con: duckdb.DuckDBPyConnection) -> set[str] | None:
    """Find what came and what went; return the other repositories (owner/name in lower case) to look into.

    None: any may be meant, since GitHub did not tell of every issue where it came from. `con` holds
    `repository`, `issue_current`, `issue_labels` and `issue_event` of one repository, and where
    conversations are chosen their threads and events.
    """
    create_table(con, "gold", "own_name")
    create_table(con, "gold", "transfer_movement")
    find_label_changes(con)
    con.execute(
        "create or replace temp table neighbour_issue (repository varchar, names varchar[], issue_id bigint,"
        " issue_number bigint, state varchar, departed_at timestamptz, departed_to varchar,"
        " fetched_at timestamptz, label_names varchar[])"
    )
    found = con.sql("select distinct direction, other_repository from transfer_movement").fetchall()
    if ("in", None) in found:
        return None
    return {name for _, name in found if name}


def find_label_changes(con: duckdb.DuckDBPyConnection) -> None:
    """Find what events did to labels before an issue came; without conversations nobody tells."""
    if CONTRIBUTORS in chosen_subjects():
        create_table(con, "gold", "label_change")
    else:
        con.execute(
            "create or replace temp table label_change"
            " (issue_id bigint, label_name varchar, event_type varchar, occurred_at timestamptz)"
        )


def add_neighbour(con: duckdb.DuckDBPyConnection, tables: Mapping[str, object], names: Sequence[str]) -> None:
    """Take another repository's NEIGHBOUR_TABLES, by name, into account.

    `names`: every name (owner/name in lower case) it is or was known by, the present one first.
    """
    for contract in NEIGHBOUR_TABLES:
        con.register(f"other_{contract.name}", tables[contract.name])
    statement = f"insert into neighbour_issue {load_sql('gold', 'neighbour_issue')}"
    con.execute(statement, {"names": list(names)})


def build_transfers(con: duckdb.DuckDBPyConnection) -> None:
    """Leave the mart as the temporary table `mart_issue_transfer`."""
    create_table(con, "gold", "mart_issue_transfer")
