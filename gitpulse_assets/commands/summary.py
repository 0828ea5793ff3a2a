"""What a refresh did, in one line."""

from collections.abc import Mapping
from typing import Any

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.contracts import bronze, silver
from gitpulse_assets.contracts.contributors import CONVERSATION_EVENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.runs.launch import RunOutcome
from gitpulse_assets.transform.repairs import COUNTS, repair_line


def summary(outcome: RunOutcome, seconds: float) -> str:
    """Say of a successful run which walk it made, what was new, how long it took and what it cost."""
    walk = shown(outcome, bronze.ISSUES)
    parts = [f"{outcome.repo}: {walk_words(outcome, walk)}", f"{seconds:.1f} s", cost(outcome)]
    return ", ".join(parts) + repaired(outcome, walk) + newer_events(outcome)


def shown(outcome: RunOutcome, contract: TableContract) -> Mapping[str, Any]:
    """Return what the run showed on a table's asset; nothing where it made none."""
    return outcome.tables.get("/".join(contract.asset_key), {})


def walk_words(outcome: RunOutcome, walk: Mapping[str, Any]) -> str:
    """Say which walk was made and what it found."""
    if walk.get("walk_kind") == "unchanged":
        return "nothing changed"
    news = shown(outcome, silver.ISSUE_CURRENT)
    received = f"{counted(walk['record_count'], 'record')} in {counted(walk['page_count'], 'page')}"
    found = f"{news['new_count']:,} new and {news['changed_count']:,} changed"
    rest = "the rest of a " if "resumed_run_id" in walk else ""
    return f"{rest}{walk['walk_kind']} walk, {received}, {found}"


def cost(outcome: RunOutcome) -> str:
    """Requests and quota units of the whole run, REST and GraphQL together."""
    rows = [shown(outcome, contract) for contract in BRONZE]
    requests, units = (sum(row.get(name, 0) for row in rows) for name in ("request_count", "quota_cost"))
    return f"{counted(requests, 'request')} for {counted(units, 'quota unit')}"


def repaired(outcome: RunOutcome, walk: Mapping[str, Any]) -> str:
    """Say what a full walk repaired, where there was something before that it could repair."""
    current = shown(outcome, silver.ISSUE_CURRENT)
    is_first = current.get("new_count") == current.get("dagster/partition_row_count")
    if is_first or not set(COUNTS) <= set(current):
        return ""
    return f"; {repair_line({name: current[name] for name in COUNTS})}"


def newer_events(outcome: RunOutcome) -> str:
    """Say which kinds of events GitHub has added since this version, where conversations hold some."""
    kinds = shown(outcome, CONVERSATION_EVENT).get("newer_event_kinds")
    return f"; events of kinds that are new at GitHub are kept and not read ({kinds})" if kinds else ""


def counted(count: int, unit: str) -> str:
    """Write a count with its unit in the singular or plural."""
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
