"""Asset checks as Dagster sees them: their specs, and the results of `result.py`.

Every table has one contract check; what no single contract can say is listed in `semantic.py`. How a
rule is evaluated belongs in `transform/audit.py`.
"""

import warnings
from collections.abc import Iterable

import dagster as dg

from gitpulse_assets.checks.result import CONTRACT_CHECK, CheckResult
from gitpulse_assets.checks.semantic import SemanticCheck
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.partitions import partitions_of


def partitioned_check_spec(
    name: str, contract: TableContract, *, is_blocking: bool, description: str
) -> dg.AssetCheckSpec:
    """Return a check whose verdict is kept per repository or day.

    `partitions_def` on a check is a preview feature of Dagster 1.13: without it the last repository to
    finish would own the verdict of all. The warning is silenced here alone, and the behaviour is pinned
    in `test_upstream_characterization.py`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name=name,
            asset=list(contract.asset_key),
            blocking=is_blocking,
            description=description,
            partitions_def=partitions_of(contract.place),
        )


def contract_check_spec(contract: TableContract) -> dg.AssetCheckSpec:
    """Declare the one check that proves a table's contract."""
    rules = "".join(f"\n* `{rule.name}`: {rule.description}" for rule in contract.rules)
    return partitioned_check_spec(
        CONTRACT_CHECK,
        contract,
        is_blocking=True,
        description=f"Key not null and unique, required columns not null, and every rule holds.{rules}",
    )


def check_specs(checks: Iterable[SemanticCheck]) -> list[dg.AssetCheckSpec]:
    """Return the declarations of several checks."""
    return [
        partitioned_check_spec(
            check.name, check.table, is_blocking=check.is_blocking, description=check.description
        )
        for check in checks
    ]


def asset_check_result(result: CheckResult) -> dg.AssetCheckResult:
    """Return a check's result as Dagster shows it."""
    return dg.AssetCheckResult(
        passed=result.is_passed,
        asset_key=list(result.table.asset_key),
        check_name=result.name,
        severity=dg.AssetCheckSeverity.ERROR if result.is_error else dg.AssetCheckSeverity.WARN,
        description=result.description,
        metadata=result.metadata,
    )
