"""The control total: our number of open issues held against GitHub's own.

It reports and does not block: a list that was cut short never comes here, and of one that was walked to its
end twice what we computed is still the best there is. The run that GitHub contradicts ends as partial, and
the verdict says so. A difference that whole walks keep ending with is a warning.
"""

import duckdb

from gitpulse_assets.checks.result import CheckResult
from gitpulse_assets.checks.semantic import SemanticCheck
from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.lake.duck import rows_of
from gitpulse_assets.transform.sql_file import load_sql

CONTROL_TOTAL_CHECK = SemanticCheck("control_total", ISSUE_CURRENT, is_blocking=False)
UNCOUNTED = {"is_contradicted": False, "is_known": False, "missing_what": None, "is_known_missing": False}


def control_total_result(con: duckdb.DuckDBPyConnection, issues: str = ISSUE_CURRENT.name) -> CheckResult:
    """Evaluate the check on the merged tables of this connection; both counts are always in the metadata.

    `issues`: the relation that has all issues, where `issue_current` holds those of touched ranges.
    """
    statement = load_sql("checks", CONTROL_TOTAL_CHECK.name)
    if issues != ISSUE_CURRENT.name:
        statement = f"with issue_current as (select * from {issues}) select * from ({statement}\n)"
    rows = rows_of(con, statement).to_arrow_table().to_pylist()
    found = rows[0] if rows else {"reason": "no walk was counted yet", **UNCOUNTED}
    is_missing = found["missing_what"] is not None
    is_new = found["is_contradicted"] or (is_missing and not found["is_known_missing"])
    return CheckResult(
        CONTROL_TOTAL_CHECK.table,
        CONTROL_TOTAL_CHECK.name,
        is_passed=not (is_new or found["is_known"] or is_missing),
        is_error=is_new or not (found["is_known"] or is_missing),
        description="; ".join(filter(None, (found["reason"], found["missing_what"]))),
        metadata={name: value for name, value in found.items() if name not in UNCOUNTED},
        is_blocking=CONTROL_TOTAL_CHECK.is_blocking,
    )
