"""The checks of organisations' members, and their tables where they are collected: with `contributors`."""

from gitpulse_assets.checks.semantic import SemanticCheck
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS, ORGANIZATION_LOOK, ORGANIZATION_MEMBER
from gitpulse_assets.contracts.model import TableContract

CHOSEN_MEMBER_CONTRACTS: tuple[TableContract, ...] = (
    MEMBER_CONTRACTS if CONTRIBUTORS in chosen_subjects() else ()
)

MEMBER_CHECKS = (
    SemanticCheck("member_spans_do_not_overlap", ORGANIZATION_MEMBER),
    SemanticCheck("member_list_is_believed", ORGANIZATION_LOOK, is_blocking=False),
)
