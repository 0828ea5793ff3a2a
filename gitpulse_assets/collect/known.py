"""Questions to what is stored and not merged yet, each a statement of `sql/collect/`."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from gitpulse_assets.collect.full_walk import holding_rows, page_batches, page_holders
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import DEPARTURE, ISSUE_PAGE, ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.contributors import CONVERSATION_EVENT, CONVERSATION_THREAD, REVIEW_COMMENT
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, LIFECYCLE_COVERAGE
from gitpulse_assets.contracts.stream import Stream
from gitpulse_assets.lake.duck import connect, rows_of, sized
from gitpulse_assets.lake.manifest import ManifestRow, unmerged_batches
from gitpulse_assets.transform.sql_file import load_sql

Batches = Iterable[tuple[str, Sequence[int]]]
# Entries of a conversation that one page holds: a longer one is asked for what is newer only.
PAGE_ENTRIES = 100


def ask(
    session: Session,
    question: str,
    *,
    batches: dict[TableContract, Batches],
    stored: Sequence[TableContract] = (ISSUE_CURRENT, LIFECYCLE_COVERAGE),
    **parameters: object,
) -> list[dict[str, Any]]:
    """Run `sql/collect/<question>.sql` on the stored tables and the given bronze batches."""
    received = sum(row.record_count for row in session.manifest.rows())
    with session.lake.reading(session.repo), connect() as con, sized(con, received):
        for name, dataset in session.lake.datasets("silver", session.repo, stored).items():
            con.register(f"stored_{name}", dataset)
        for contract, chosen in batches.items():
            dataset = session.lake.bronze_dataset(contract, session.repo, chosen)
            con.register(f"bronze_{contract.name}", dataset)
        return rows_of(con, load_sql("collect", question), parameters).to_arrow_table().to_pylist()


def unmerged(session: Session, contract: TableContract) -> list[tuple[str, range]]:
    """Name the batches of a stream that no merge has taken in."""
    merged = session.merged.get(contract.name, {})
    return unmerged_batches(session.manifest.rows(), contract.name, merged)


@dataclass(frozen=True)
class Held:
    """What is held of a long conversation: by GraphQL ids its comments, and the dismissals of reviews.

    From `since_at` on it is asked for again.
    """

    since_at: dt.datetime
    comments: frozenset[str]
    dismissals: frozenset[str]


@dataclass(frozen=True)
class ChangedIssue:
    """An issue to ask for; `typename` of one whose conversation is asked for: a pull request, too.

    `held`: of a conversation of which only what is newer is asked for.
    """

    issue_id: int
    issue_number: int | None
    typename: str | None = None
    held: Held | None = None


def changed_issues(session: Session, *, is_full: bool) -> dict[str, ChangedIssue]:
    """The issues whose newest record is newer than the timeline known of them, by node id.

    With `is_full` those too whose timeline did not come whole, or lacks what the server knows by now.
    """
    batches: dict[TableContract, Batches] = {
        table: unmerged(session, table) for table in (ISSUES, ISSUE_TIMELINE)
    }
    rows = ask(session, "changed_issue", batches=batches, is_full=is_full, lost=list(session.client.lost))
    return {row["issue_node_id"]: ChangedIssue(row["issue_id"], row["issue_number"]) for row in rows}


def changed_threads(session: Session, *, is_full: bool) -> dict[str, ChangedIssue]:
    """The issues and pull requests whose newest record is newer than their conversation, by node id.

    And those of which a comment names a review that the conversation did not tell.
    With `is_full` those too that did not come whole, to which answers only added since, or which hold other
    comments than GitHub counts.
    """
    batches: dict[TableContract, Batches] = {
        table: unmerged(session, table) for table in (ISSUES, ISSUE_TIMELINE)
    }
    stored = (ISSUE_CURRENT, CONVERSATION_THREAD, CONVERSATION_EVENT, REVIEW_COMMENT)
    lost = list(session.client.lost)
    rows = ask(
        session, "changed_thread", batches=batches, stored=stored,
        is_full=is_full, lost=lost, page_entries=PAGE_ENTRIES,
    )  # fmt: skip
    return {
        row["issue_node_id"]: ChangedIssue(
            row["issue_id"], row["issue_number"], row["typename"], held_of(row)
        )
        for row in rows
    }


def held_of(row: dict[str, Any]) -> Held | None:
    """What is held of a long conversation; None where the whole of it is to be asked for."""
    if row["since_at"] is None:
        return None
    comments, dismissals = (frozenset(row[name] or ()) for name in ("held_comments", "held_dismissals"))
    return Held(row["since_at"], comments, dismissals)


def open_counts(session: Session) -> dict[str, int]:
    """How many issues, and issues and pull requests together, are open by what we have, and both closed."""
    batches: dict[TableContract, Batches] = {table: unmerged(session, table) for table in (ISSUES, DEPARTURE)}
    return ask(session, "open_count", batches=batches)[0]


def missing_issues(session: Session, walk: Sequence[ManifestRow]) -> list[dict[str, Any]]:
    """The issues and open pull requests known before that a complete walk of these runs did not meet."""
    return ask(session, "missing_issue", batches=walked_batches(session, walk))


def is_as_new(known: dt.datetime | None, updated_at: dt.datetime | None) -> bool:
    """Whether a record known as updated at a moment is as new as one updated at another, if that is asked."""
    return updated_at is None or (known is not None and known >= updated_at)


def has_met(
    session: Session,
    stream: Stream,
    walk: Sequence[ManifestRow],
    record_id: int,
    updated_at: dt.datetime | None = None,
) -> bool:
    """Whether a record is among those that a walk of these runs has stored, or was told are unchanged.

    `updated_at`: as it was then, or later.
    """
    if updated_at is None and stream.pages and any(row.walk_kind == "full" for row in walk):
        return bool(ask(session, "met_issue", batches=walked_batches(session, walk), issue_id=record_id))
    batches = [(row.run_id, range(1, row.batch_count + 1)) for row in walk]
    stored = session.lake.bronze_dataset(stream.bronze, session.repo, batches)
    rows = stored.to_table(columns=["payload_json"], filter=pc.field(stream.key) == record_id)
    heads = (stream.read_head(payload.encode()) for payload in rows["payload_json"].to_pylist())
    return any(is_as_new(head.updated_at, updated_at) for head in heads)


def met_count(session: Session, walk: Sequence[ManifestRow]) -> int:
    """How many issues, open and closed, a full walk of these runs met."""
    return ask(session, "met_count", batches=walked_batches(session, walk))[0]["issue_count"]


def walked_batches(session: Session, walk: Sequence[ManifestRow]) -> dict[TableContract, Batches]:
    """The pages of a full walk, and the batches that hold their records."""
    pages = page_batches(walk)
    holders = page_holders(session.lake, session.repo, walk)
    rows = holding_rows(session.manifest.rows(), holders)
    return {ISSUE_PAGE: pages, ISSUES: [(row.run_id, range(1, row.batch_count + 1)) for row in rows]}
