"""What a check found, before Dagster shows it or a step refuses to publish because of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.transform.audit import Row, RuleAudit, TableAudit

CONTRACT_CHECK = "contract"
# How the names end under which a check shows the rows that break it.
SAMPLE_KEYS = "sample_keys"


@dataclass(frozen=True)
class CheckResult:
    """One evaluation of a check of a table.

    `is_error`: what it found is an error, else a warning. `is_blocking`: a step whose check this is publishes
    nothing where it fails as an error. `metadata` is what Dagster shows of it.
    """

    table: TableContract
    name: str
    is_passed: bool
    is_error: bool
    description: str
    metadata: dict[str, Any]
    is_blocking: bool = True

    @property
    def keeps_back(self) -> bool:
        """Whether its step must not publish."""
        return self.is_blocking and self.is_error and not self.is_passed


class ChecksFailed(Exception):
    """Blocking checks failed, so a step published nothing; `results` are those of all its checks."""

    def __init__(self, results: list[CheckResult]) -> None:
        self.results = results
        said = "; ".join(
            f"{'/'.join(r.table.asset_key)} {r.name}: {r.description}" for r in results if r.keeps_back
        )
        super().__init__(f"Nothing was published, since a blocking check failed: {said}")


def refuse_failed(results: list[CheckResult]) -> None:
    """Raise ChecksFailed where one of the results keeps its step from publishing."""
    if any(result.keeps_back for result in results):
        raise ChecksFailed(results)


def contract_result(contract: TableContract, audit: TableAudit) -> CheckResult:
    """The contract check's result: an error when a blocking rule is broken, a warning for any other."""
    said = "; ".join(f"{rule.name}: {rule.broken_count} rows" for rule in audit.broken)
    return CheckResult(
        contract,
        CONTRACT_CHECK,
        is_passed=not audit.broken,
        is_error=not audit.is_passed,
        description=said or f"{audit.row_count} rows keep every rule",
        metadata={"row_count": audit.row_count, **rule_metadata(audit.rules)},
    )


def rule_metadata(rules: Iterable[RuleAudit]) -> dict[str, Any]:
    """Each rule's count of broken rows and samples of their keys."""
    metadata: dict[str, Any] = {}
    for rule in rules:
        metadata[f"{rule.name}/broken_count"] = rule.broken_count
        if rule.samples:
            metadata[f"{rule.name}/{SAMPLE_KEYS}"] = shown(rule.samples)
    return metadata


def shown(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Sample rows as JSON can hold them."""
    return [{name: str(value) for name, value in row.items()} for row in rows]
