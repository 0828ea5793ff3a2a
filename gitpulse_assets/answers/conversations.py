"""The published marts of conversations: a page of a list, the rows of a time, and what nobody told of them.

What a mart's answer is stands in its declaration. The tables are opened by who asks for them first: a lake
without the subject has none.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from gitpulse_assets.answers.errors import UnknownFilter
from gitpulse_assets.answers.published import Published
from gitpulse_assets.answers.window import Window
from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.lake.duck import identifier, session
from gitpulse_assets.marts import contributor
from gitpulse_assets.transform.sql_file import create_table

ROWS_A_STRETCH = 10_000
DIRECTIONS = {"ascending": "asc", "descending": "desc"}
THREAD_TABLES = (
    "issue_current",
    "issue_labels",
    "issue_assignees",
    "pull_request_current",
    contributor.MART.name,
)

WITHOUT_TOKEN = (
    "reviews and requests for them, who merged, reopenings, when drafts began and ended and labels over time "
    "are collected only with a token (GITHUB_TOKEN), closings by a commit also with REST's issue events; "
    "comments are collected, those on lines as of when they were written"
)
NOT_YET = "is not collected yet; the next refresh with a token asks for it"
NOT_WHOLE = "did not come whole; it is asked for again when it changes, and by each full refresh"


@dataclass(frozen=True)
class ListFilter:
    """Which rows of a list: None lets all pass.

    `person`: a login as the rows show it, in any letter case; of a thread who opened it, is assigned to it or
    shall review it.
    """

    label: str | None = None
    person: str | None = None
    is_pull_request: bool | None = None
    limit: int = 50
    offset: int = 0


EVERYTHING = ListFilter()


@dataclass(frozen=True)
class ListPage:
    """One page of a list, and how many rows there are in all."""

    total_count: int
    rows: pa.Table


def in_time(published: Published, mart: Mart, window: Window) -> pa.Table:
    """The rows whose day, or month that has begun with it, the window touches."""
    assert mart.answer
    field = mart.contract.key[-1]
    first = window.start_date if field.endswith("_date") else window.start_date.replace(day=1)
    is_within = (pc.field(field) >= first) & (pc.field(field) <= window.end_date)
    rows = published.conversations[mart.name].to_table(filter=is_within)
    return rows.select([column.name for column in mart.answer_columns]).sort_by(list(mart.answer.sort))


def first_day(published: Published) -> date:
    """The first day that any series of the marts has; today where none has one."""
    series = [mart for mart in marts_of(CONTRIBUTORS) if mart.answer and mart.answer.over == "time"]
    days = [
        day
        for mart in series
        for day in published.conversations[mart.name].to_table(columns=[mart.contract.key[-1]])[0].to_pylist()
    ]
    return min(days, default=published.last_complete_date)


def list_page(
    database: duckdb.DuckDBPyConnection, published: Published, mart: Mart, chosen: ListFilter
) -> ListPage:
    """One page of a list in its order; raises UnknownFilter for a label or person nobody has heard of."""
    with matched(database, published, mart, chosen) as con:
        ((total,),) = con.sql("select count(*) from matched").fetchall()
        page = f"{query(mart)} limit {int(chosen.limit)} offset {int(chosen.offset)}"
        return ListPage(total, con.sql(page).to_arrow_table())


def read_list(
    database: duckdb.DuckDBPyConnection,
    published: Published,
    mart: Mart,
    chosen: ListFilter,
    read: Callable[[pa.RecordBatchReader], None],
) -> None:
    """Hand all rows that pass the filter to `read` in stretches, in order and without paging."""
    with matched(database, published, mart, chosen) as con:
        read(con.sql(query(mart)).to_arrow_reader(ROWS_A_STRETCH))


def query(mart: Mart) -> str:
    """The rows of `matched` as the answer has them."""
    assert mart.answer
    columns = ", ".join(identifier(column.name) for column in mart.answer_columns)
    order = ", ".join(f"{identifier(name)} {DIRECTIONS[way]}" for name, way in mart.answer.sort)
    return f"select {columns} from matched order by {order}"


@contextmanager
def matched(
    database: duckdb.DuckDBPyConnection, published: Published, mart: Mart, chosen: ListFilter
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session in which `matched` has the mart's rows that pass the filter."""
    assert mart.answer
    filters: dict[str, object] = {**vars(chosen)}
    with session(database) as con:
        con.register("mart", published.conversations[mart.name])
        make_threads(con, published)
        refuse_unknown(con, chosen)
        if mart.answer.over == "threads":
            number = identifier(mart.contract.key[2])
            con.execute(f"create temp view listed as select *, {number} as thread_number from mart")
            create_table(con, "answers", "thread_match", filters, "matched")
        else:
            create_table(con, "answers", "person_match", filters, "matched")
        yield con


def make_threads(con: duckdb.DuckDBPyConnection, published: Published) -> None:
    """Make `thread`: what lists say of a thread beside their mart."""
    for name in THREAD_TABLES:
        con.register(name, published.conversations[name])
    create_table(con, "gold", "label_name")
    create_table(con, "answers", "thread")


def refuse_unknown(con: duckdb.DuckDBPyConnection, chosen: ListFilter) -> None:
    """Raise UnknownFilter where nobody has heard of the label or the person: a misspelt one finds nothing."""
    create_table(con, "answers", "known_filter", {"label": chosen.label, "person": chosen.person})
    ((is_label_known, is_person_known),) = con.sql("from known_filter").fetchall()
    if chosen.label is not None and not is_label_known:
        raise UnknownFilter(f"label: no issue or pull request has the label {chosen.label!r} now")
    if chosen.person is not None and not is_person_known:
        raise UnknownFilter(f"person: nobody here has the login {chosen.person!r}")


def labels_in_use(database: duckdb.DuckDBPyConnection, published: Published) -> list[str]:
    """The names of the labels that issues and pull requests have now, sorted."""
    with session(database) as con:
        make_threads(con, published)
        rows = con.sql("select distinct unnest(label_names) as name from thread order by name").fetchall()
    return [name for (name,) in rows]


def gaps(database: duckdb.DuckDBPyConnection, published: Published) -> tuple[str, ...]:
    """What of the conversations nobody told, in words that stand alone; empty where all of it came."""
    with session(database) as con:
        for name in ("issue_current", "conversation_thread"):
            con.register(name, published.conversations[name])
        create_table(con, "answers", "conversation_gap")
        ((thread_count, untold_count, partial_count),) = con.sql("from conversation_gap").fetchall()
    if thread_count and untold_count == thread_count:
        return (WITHOUT_TOKEN,)
    told: Mapping[str, int] = {NOT_YET: untold_count, NOT_WHOLE: partial_count}
    return tuple(
        f"the conversation of {count:,} issue{'' if count == 1 else 's'} or pull request"
        f"{'' if count == 1 else 's'} {what}"
        for what, count in told.items()
        if count
    )
