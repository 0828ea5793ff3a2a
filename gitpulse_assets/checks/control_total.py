"""The control total: our number of open issues held against GitHub's own.

It reports and does not block: what we computed from GitHub's lists is still the best there is. A run whose
incremental walk GitHub contradicts has walked the whole list before it comes here.
"""

import dagster as dg
import duckdb

from gitpulse_assets.checks.semantic import SemanticCheck
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.transform.sql_file import load_sql

CONTROL_TOTAL_CHECK = SemanticCheck("control_total", ISSUE_CURRENT, is_blocking=False)


def control_total_result(con: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    """Evaluate the check on the merged tables of this connection; both counts are always in the metadata."""
    rows = con.sql(load_sql("checks", CONTROL_TOTAL_CHECK.name)).to_arrow_table().to_pylist()
    found = rows[0] if rows else {"reason": "no walk was counted yet", "is_contradicted": False}
    return dg.AssetCheckResult(
        passed=not found["is_contradicted"],
        asset_key=list(ISSUE_CURRENT.asset_key),
        check_name=CONTROL_TOTAL_CHECK.name,
        severity=dg.AssetCheckSeverity.ERROR,
        description=found["reason"],
        metadata={name: value for name, value in found.items() if name != "is_contradicted"},
    )
