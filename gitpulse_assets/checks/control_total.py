"""The control total: our number of open issues held against GitHub's own.

It reports and does not block: a list that was cut short never comes here, and of one that was walked to its
end twice what we computed is still the best there is. The run that GitHub contradicts ends as partial, and
the verdict says so. A difference that whole walks keep ending with is a warning.
"""

import dagster as dg
import duckdb

from gitpulse_assets.checks.semantic import SemanticCheck
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.transform.sql_file import load_sql

CONTROL_TOTAL_CHECK = SemanticCheck("control_total", ISSUE_CURRENT, is_blocking=False)
UNCOUNTED = {"is_contradicted": False, "is_known": False}


def control_total_result(con: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    """Evaluate the check on the merged tables of this connection; both counts are always in the metadata."""
    rows = con.sql(load_sql("checks", CONTROL_TOTAL_CHECK.name)).to_arrow_table().to_pylist()
    found = rows[0] if rows else {"reason": "no walk was counted yet", **UNCOUNTED}
    is_known = found["is_known"]
    return dg.AssetCheckResult(
        passed=not (found["is_contradicted"] or is_known),
        asset_key=list(ISSUE_CURRENT.asset_key),
        check_name=CONTROL_TOTAL_CHECK.name,
        severity=dg.AssetCheckSeverity.WARN if is_known else dg.AssetCheckSeverity.ERROR,
        description=found["reason"],
        metadata={name: value for name, value in found.items() if name not in UNCOUNTED},
    )
