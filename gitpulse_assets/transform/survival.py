"""How long it takes until issues are closed, those still open counted as lasting longer: Kaplan and Meier.

A month's cohort are the issues created in the 365 days up to its end; those open then are not left out, and
one that departed open is followed until it left. 365 days because a shorter cohort cannot reach the median of
a slow repository and a longer one answers for years long gone. In the order of their creation a cohort is a
slice of the issues: in SQL each would be a row of twelve cohorts, to be sorted with each.
"""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import pyarrow as pa

from gitpulse_assets.lake.duck import rows_of
from gitpulse_assets.transform.sql_file import create_table, load_sql

if TYPE_CHECKING:
    import numpy as np

COHORT_US = 365 * 86_400 * 1_000_000
DAY_US = 86_400_000_000.0
# The products are rounded: a share of exactly one half can come out a few last bits above it.
HALF = 0.5 + 1e-9

SURVIVED = pa.schema(
    [("median_age_days", pa.float64()), ("issue_count", pa.int64()), ("censored_count", pa.int64())]
)


class Lives(NamedTuple):
    """Issues in the order of their creation, an element each.

    `created_us`: microseconds since 1970, UTC. The ages, in days of 24 hours, are infinite where there are
    none.
    """

    created_us: "np.ndarray"
    closure_age_days: "np.ndarray"
    departure_age_days: "np.ndarray"


class Survival(NamedTuple):
    """A cohort's median age at closing, None where more than half outlast what could be observed.

    `censored_count`: how many of its `issue_count` issues were not closed by its end.
    """

    median_age_days: float | None
    issue_count: int
    censored_count: int


def survival(lives: Lives, end_us: int) -> Survival:
    """The survival of the issues created in the 365 days up to a moment, as it was known then."""
    import numpy as np

    first, last = np.searchsorted(lives.created_us, [end_us - COHORT_US, end_us], side="right")
    created_us, closures, departures = (column[first:last] for column in lives)
    followed = np.minimum(departures, (end_us - created_us) / DAY_US)
    is_closing = closures <= followed
    censored = followed[~is_closing]
    return Survival(median_age(closures[is_closing], censored), len(closures), len(censored))


def median_age(closed: "np.ndarray", censored: "np.ndarray") -> float | None:
    """The first age that no more than half survive.

    Closings at one age, one after the other, give the same product as all at once, if they come before the
    censored.
    """
    import numpy as np

    ages = np.sort(closed)
    gone = np.arange(len(ages)) + np.searchsorted(np.sort(censored), ages, side="left")
    at_risk = len(closed) + len(censored) - gone
    surviving = np.cumprod((at_risk - 1.0) / at_risk)
    reached = np.flatnonzero(surviving <= HALF)
    return float(ages[reached[0]]) if len(reached) else None


def closure_survival(con: duckdb.DuckDBPyConnection, as_of_at: datetime) -> None:
    """Make what the mart's statement reads: `closure_cohort`, and `closure_survival` with a row of each.

    `con` holds `mart_issue_daily_flow` and `mart_issue_lifecycle` of one repository.
    """
    create_table(con, "gold", "closure_cohort", {"as_of_at": as_of_at})
    cohorts = rows_of(con, "select month_start, end_us from closure_cohort").to_arrow_table()
    found = rows_of(con, load_sql("gold", "closure_life")).to_arrow_table()
    lives = Lives(*(found[name].to_numpy() for name in Lives._fields))
    told = [survival(lives, end_us)._asdict() for end_us in cohorts["end_us"].to_pylist()]
    survived = pa.Table.from_pylist(told, SURVIVED)
    con.register("closure_survival", survived.append_column("month_start", cohorts["month_start"]))
