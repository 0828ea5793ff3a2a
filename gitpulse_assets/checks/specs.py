"""Asset checks as Dagster sees them: their specs, and results made from audits.

Every table has one contract check; what no single contract can say is listed in `semantic.py`. How a
rule is evaluated belongs in `transform/audit.py`.
"""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.partitions import repos
from gitpulse_assets.transform.audit import AuditReport, Row, RuleReport

CONTRACT_CHECK = "contract"


def partitioned_check_spec(
    name: str, contract: TableContract, *, is_blocking: bool, description: str
) -> dg.AssetCheckSpec:
    """Return a check whose verdict is kept per repository.

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
            partitions_def=repos,
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


def contract_result(contract: TableContract, report: AuditReport) -> dg.AssetCheckResult:
    """Return the check's result: an error when a blocking rule is broken, a warning for any other."""
    said = "; ".join(f"{rule.name}: {rule.broken_count} rows" for rule in report.broken)
    return dg.AssetCheckResult(
        passed=not report.broken,
        asset_key=list(contract.asset_key),
        check_name=CONTRACT_CHECK,
        severity=dg.AssetCheckSeverity.WARN if report.is_passed else dg.AssetCheckSeverity.ERROR,
        description=said or f"{report.row_count} rows keep every rule",
        metadata={"row_count": report.row_count, **rule_metadata(report.rules)},
    )


def rule_metadata(rules: Iterable[RuleReport]) -> dict[str, Any]:
    """Return each rule's count of broken rows and samples of their keys, as metadata."""
    metadata: dict[str, Any] = {}
    for rule in rules:
        metadata[f"{rule.name}/broken_count"] = rule.broken_count
        if rule.samples:
            metadata[f"{rule.name}/sample_keys"] = shown(rule.samples)
    return metadata


def shown(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Return sample rows as JSON can hold them."""
    return [{name: str(value) for name, value in row.items()} for row in rows]


def blocking_failures(results: Iterable[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckResult]:
    """Yield the failed results that must keep their step from publishing."""
    for result in results:
        if not result.passed and result.severity == dg.AssetCheckSeverity.ERROR:
            yield result


def refuse_to_publish(failures: list[dg.AssetCheckResult]) -> dg.Failure:
    """Return the failure a step raises before its first output; what is in the lake stays as it was.

    A blocking check alone would not do: Dagster 1.13 stores every output of a multi-asset although a
    blocking check of it failed before them.
    """
    said = "; ".join(
        f"{f.asset_key.to_user_string() if f.asset_key else ''} {f.check_name}: {f.description}"
        for f in failures
    )
    return dg.Failure(
        description=f"Nothing was published, since a blocking check failed: {said}", allow_retries=False
    )
