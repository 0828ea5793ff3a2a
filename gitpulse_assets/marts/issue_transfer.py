"""Issues that came from or went to other repositories."""

import pyarrow as pa

from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import ISSUE_ID, ISSUE_NUMBER, REPO_COLUMNS, one_of

MART_ISSUE_TRANSFER = TableContract(
    layer="gold",
    name="mart_issue_transfer",
    description=(
        "Issues that came from or went to another repository, and the issue they are there where that "
        "repository is watched too. The other side is read as it is in the lake when this repository is "
        "refreshed: the one of two that is refreshed later finds the other, the first when it is refreshed "
        "again."
    ),
    grain="one issue that came (in) or went (out)",
    key=("repo_owner", "repo_name", "issue_id", "direction"),
    order_by=("transferred_at", "issue_id", "direction"),
    sample=("issue_number", "direction", "other_repository"),
    columns=(
        *REPO_COLUMNS,
        ISSUE_ID,
        ISSUE_NUMBER,
        Column("direction", pa.string(), "in: it came here; out: it left.", False),
        Column(
            "transferred_at",
            UTC_TIMESTAMP,
            "When it came or left; of one that left unseen and undated, when that was noticed.",
            False,
        ),
        Column("title", pa.string(), "Title as last received here."),
        Column("state", pa.string(), "open or closed, as last received here.", False),
        Column("label_names", pa.list_(pa.string()), "Labels as last received here, sorted.", False),
        Column(
            "other_repository",
            pa.string(),
            "owner/name of the other side, lower case; null where GitHub does not tell (REST events do not "
            "say where an issue came from) and no watched repository knows the issue.",
        ),
        Column("other_issue_number", pa.int64(), "Its number there; null where it is not known."),
        Column("other_issue_id", pa.int64(), "Its id there; null unless that repository's tables hold it."),
        Column("other_state", pa.string(), "open or closed, as last received there; null unless linked."),
        Column(
            "other_label_names",
            pa.list_(pa.string()),
            "Labels as last received there, sorted; of an issue that came, those it had before: as last "
            "received there, with what its own events changed until it came. Unless linked, of one that came "
            "those that its events had on until then, where conversations are collected and its came whole; "
            "else null.",
        ),
        Column("is_linked", pa.bool_(), "Whether the other repository's tables hold the issue.", False),
    ),
    rules=(
        Rule("direction_known", one_of("direction", ("in", "out")), "It came or it left."),
        Rule(
            "linked_has_other",
            "is_linked <> (other_issue_id is not null) or (is_linked and other_repository is null)",
            "What is linked names the other issue, and only that.",
        ),
    ),
)

MART = Mart(
    MART_ISSUE_TRANSFER,
    is_made_by_code=True,
)
