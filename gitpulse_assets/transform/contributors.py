"""Makes the marts of the subject `contributors` from the silver tables on a connection.

What each means stands in its `sql/gold/*.sql`; who counts, in `conversation_act.sql` alone.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import cache
from graphlib import TopologicalSorter

import duckdb

from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.transform.sql_file import create_table, load_sql
from gitpulse_assets.watch.calendars import holidays_of
from gitpulse_assets.watch.watch_list import DEFAULT_WAITING_LABELS, RepoOptions

# What several marts read, made before them and published nowhere.
RELATIONS = (
    "conversation_act",
    "month_wait",
    "outside_word",
    "present_pull_request",
    "pull_request_step",
    "thread_wait",
    "unanswered_word",
)
COMMENT = re.compile(r"--.*")


@cache
def statements() -> tuple[str, ...]:
    """Relations and marts, each behind those that its statement names."""
    names = {*RELATIONS, *(mart.name for mart in marts_of(CONTRIBUTORS))}
    reads = {name: named_in(load_sql("gold", name), names) - {name} for name in sorted(names)}
    return tuple(TopologicalSorter(reads).static_order())


def named_in(statement: str, names: Iterable[str]) -> set[str]:
    """Which of the names a statement has outside its comments."""
    words = set(re.findall(r"\w+", COMMENT.sub("", statement)))
    return words.intersection(names)


def build_conversations(con: duckdb.DuckDBPyConnection, as_of_at: datetime, options: RepoOptions) -> None:
    """Make the subject's relations and marts as temporary tables; its silver tables lie on the connection."""
    parameters = {
        "as_of_at": as_of_at,
        "bots": list(options.bots),
        "waiting_labels": waiting_names(con, options.waiting_labels),
        "time_zone": options.time_zone,
        "holidays": holidays_since(con, options.holidays, as_of_at),
        "response_days": options.response_days,
    }
    for name in statements():
        create_table(con, "gold", name, parameters)


def waiting_names(con: duckdb.DuckDBPyConnection, patterns: Iterable[str]) -> list[str]:
    """The names of labels that are or were on something and that one of the patterns fits."""
    names = label_names(con)
    return sorted({name for pattern in patterns for name in names if fits(pattern, name)})


def is_written(patterns: Sequence[str]) -> bool:
    """Whether somebody wrote the patterns; the default ones may fit nothing."""
    return tuple(patterns) != DEFAULT_WAITING_LABELS


def unfit_patterns(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The patterns that fit none of the labels' names, of those that somebody wrote."""
    if not is_written(patterns):
        return []
    return [pattern for pattern in patterns if not any(fits(pattern, name) for name in names)]


def unfit_words(repository: str, pattern: str) -> str:
    """Say of a pattern that it fits no label of a repository."""
    return f"{repository}: waiting_labels: no label of it fits {pattern!r}; see its labels at GitHub"


def unseen_words(repository: str, pattern: str) -> str:
    """Say of a pattern that it fits no label collected; GitHub may have one that lies on nothing."""
    return f"{repository}: waiting_labels: nothing collected has or had a label that fits {pattern!r}"


def label_names(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The names, as they are now, of labels that are or were on something."""
    rows = con.execute("select distinct label_name from label_span where label_name is not null").fetchall()
    return [name for (name,) in rows]


def fits(pattern: str, name: str) -> bool:
    """Whether a shell pattern fits a whole name, letter case aside."""
    # Here and not in SQL: DuckDB's GLOB goes by bytes, so that its ? is half of an é.
    return fnmatchcase(name.lower(), pattern.lower())


def holidays_since(con: duckdb.DuckDBPyConnection, calendar: str, as_of_at: datetime) -> list[date]:
    """The holidays of a calendar since the repository's first thread; none without a calendar."""
    if not calendar:
        return []
    ((first,),) = con.execute("select year(min(created_at)) from issue_current").fetchall()
    # On the last day of a year in UTC it may be the next one where the watch list's time zone is.
    return list(holidays_of(calendar, range(first or as_of_at.year, as_of_at.year + 2)))
