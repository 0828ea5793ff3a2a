"""The members of organisations in Dagster: a partition is an organisation, and a run is a look at its list.

Refreshes of its repositories look too, once a day; what they found is told to Dagster here as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from gitpulse_assets.assets.specs import asset_spec
from gitpulse_assets.assets.work import Work
from gitpulse_assets.checks.specs import asset_check_result, check_specs, contract_check_spec
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS
from gitpulse_assets.io_manager import lake_errors
from gitpulse_assets.members.tables import MEMBER_CHECKS
from gitpulse_assets.partitions import ORGANIZATIONS_PARTITIONS, organizations, register
from gitpulse_assets.place import Organization
from gitpulse_assets.resources import GitHubResource, LakeResource, settings_or_failure
from gitpulse_assets.runs.telling import report_by_run, tell_dagster

if TYPE_CHECKING:
    from gitpulse_assets.lake.lake import Lake


@dg.multi_asset(
    name="members",
    specs=[asset_spec(contract) for contract in MEMBER_CONTRACTS],
    check_specs=[
        *map(contract_check_spec, MEMBER_CONTRACTS),
        *check_specs(MEMBER_CHECKS),
    ],
    partitions_def=organizations,
)
def members(
    context: dg.AssetExecutionContext, github: GitHubResource, lake: LakeResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Look at an organisation's list of members now: the second look at one that was kept aside, for one."""
    from datetime import UTC, datetime

    from gitpulse_assets.checks.result import ChecksFailed
    from gitpulse_assets.github.errors import GitHubError
    from gitpulse_assets.members.looking import look, published_checks

    place, settings = Organization(context.partition_key), settings_or_failure()
    target = lake.open(settings)
    with lake_errors(), github.client(settings) as client:
        try:
            found = look(client, target, place, datetime.now(UTC))
        except (GitHubError, ChecksFailed) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        if found.trouble:
            raise dg.Failure(found.trouble, allow_retries=False)
        results = found.checks or published_checks(target, place)
    for contract in MEMBER_CONTRACTS:
        yield dg.MaterializeResult(asset_key=list(contract.asset_key))
    yield from map(asset_check_result, results)


@contextmanager
def looks_told(work: Work, lake: "Lake", place: Organization) -> Iterator[None]:
    """Tell Dagster of the members at the block's end, where it looked at them; nothing where nobody does."""
    if CONTRIBUTORS not in chosen_subjects():
        yield
        return
    with lake_errors():
        before = lake.commit("silver", place)
    yield
    with lake_errors():
        if lake.commit("silver", place) != before:
            tell_look(work, lake, place)


def tell_look(work: Work, lake: "Lake", place: Organization) -> None:
    """Tell Dagster of a look that a refresh made, in its run's name: tables, and what checks found."""
    from gitpulse_assets.members.looking import published_checks

    register(work.instance, place.key, ORGANIZATIONS_PARTITIONS)
    made = [dg.AssetMaterialization(list(one.asset_key), partition=place.key) for one in MEMBER_CONTRACTS]
    tell_dagster(work.instance, work.run.run_id, made)
    for result in map(asset_check_result, published_checks(lake, place)):
        report_by_run(work.instance, work.run.run_id, result, place.key)
