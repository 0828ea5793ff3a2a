"""What the history of a repository does not know, in a few words each; the statement says what counts."""

import duckdb

from gitpulse_assets.github.older_server import LOST
from gitpulse_assets.transform.sql_file import create_table
from gitpulse_assets.transform.verdict import SNAPSHOT_ONLY


def incomplete_slices(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return what is missing and leave it as the temporary table `incomplete_slice`.

    `con` holds `issue_current`, `lifecycle_coverage`, `quarantine` and `control_total` of one repository.
    """
    create_table(con, "checks", "control_total", relation="counted_total")
    create_table(con, "gold", "incomplete_slice", {"snapshot_only": SNAPSHOT_ONLY, "lost": LOST})
    return [row[0] for row in con.sql("select slice from incomplete_slice").fetchall()]
