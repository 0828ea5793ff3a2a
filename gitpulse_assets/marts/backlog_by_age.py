"""The backlog by age."""

from gitpulse_assets.contracts.mart import (
    COUNT,
    ID,
    REAL,
    TEXT,
    Answer,
    Mart,
    never_negative,
    shares_within_bounds,
)
from gitpulse_assets.contracts.model import Check, Column, Rule, TableContract
from gitpulse_assets.contracts.silver import REPO_COLUMNS

MART_BACKLOG_BY_AGE = TableContract(
    layer="gold",
    name="mart_backlog_by_age",
    description=(
        "How old the open issues are at the as-of moment, in five bands; a transferred one since it was "
        "created."
    ),
    grain="one row an age band, always 5",
    key=("repo_owner", "repo_name", "band_num"),
    order_by=("band_num",),
    sample=("age_band",),
    columns=(
        *REPO_COLUMNS,
        Column("band_num", COUNT, "1 for the youngest band, to 5.", nullable=False),
        Column("age_band", TEXT, "0-7 d, 8-30 d, 31-90 d, 91-365 d or > 365 d.", nullable=False),
        Column("from_days", COUNT, "Days of 24 hours the issues are older than.", nullable=False),
        Column("to_days", COUNT, "Days of 24 hours they are at most; null for the last band."),
        Column("open_issue_count", COUNT, "Open issues of that age.", nullable=False),
        Column("share_of_open", REAL, "Share (0 to 1) of all open issues; null when none is open."),
        Column("oldest_issue_number", ID, "Number of the oldest of them; null in an empty band."),
        Column("oldest_age_days", REAL, "Its age in days, from exact seconds; null in an empty band."),
    ),
    rules=(
        never_negative(("open_issue_count",)),
        shares_within_bounds(("share_of_open",)),
        Rule(
            "oldest_age_in_band",
            "oldest_age_days < from_days or oldest_age_days > to_days",
            "The oldest issue of a band is of the band's age.",
        ),
    ),
)

MART = Mart(
    MART_BACKLOG_BY_AGE,
    checks=(Check("age_bands_agree_with_backlog"),),
    answer=Answer(
        route="ages",
        question="Count the issues open at the window's end by age.",
        over="backlog",
        sort=(("band_num", "ascending"),),
    ),
)
