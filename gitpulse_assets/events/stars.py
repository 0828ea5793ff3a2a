"""Stars by events, held against the repository's own count; where the two disagree neither is a figure."""

import duckdb
import pyarrow as pa

from gitpulse_assets.contracts.events import STAR_COUNT
from gitpulse_assets.contracts.model import UTC_TIMESTAMP, Column, TableContract
from gitpulse_assets.transform.sql_file import create_table

IN_WORDS = {
    "more_than_given": "the repository counts more new stars than its feed, which is whole, tells of",
    "no_stars": "the repository says it has no star, after ten and more",
}

STAR_TROUBLE = TableContract(
    layer="silver",
    name="star_trouble",
    description="Counts of stars that cannot be; computed for the time that is asked for.",
    grain="one count of one repository",
    key=("repository_name", "counted_at"),
    order_by=("counted_at", "repository_name"),
    columns=(
        Column("repository_name", pa.string(), "owner/name in lower case.", False),
        Column("before_at", UTC_TIMESTAMP, "When the count before it was asked for.", False),
        Column("counted_at", UTC_TIMESTAMP, "When the count was asked for.", False),
        Column("count_before", pa.int64(), "Stars then.", False),
        Column("star_count", pa.int64(), "Stars now.", False),
        Column("given_count", pa.int64(), "Stars that events tell of between the two.", False),
        Column(
            "reason",
            pa.string(),
            f"{'; '.join(f'{name}: {words}' for name, words in IN_WORDS.items())}.",
            False,
        ),
    ),
    sample=STAR_COUNT.sample,
    place="day",
)


def find_star_trouble(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The rows of `star_trouble`, of `star_count`, `star_given` and the `feed_hours` of each repository."""
    create_table(con, "events", STAR_TROUBLE.name)
    found = con.sql(f"from {STAR_TROUBLE.name} order by all").to_arrow_table()
    con.execute(f"drop table {STAR_TROUBLE.name}")
    return found.cast(STAR_TROUBLE.arrow_schema)
