"""What silver must hold of a sandbox's people, told from the facts that their acts wrote down."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from gitpulse_assets.contracts import contributors
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import Issue, IssueComment, PullRequestReview, User
from gitpulse_assets.sandbox.thread_acts import Fact
from gitpulse_assets_tests.history.product import Reader

Row = dict[str, Any]


def moment(at: int | None) -> dt.datetime | None:
    return None if at is None else dt.datetime.fromtimestamp(at, dt.UTC)


def rows(reader: Reader, table: TableContract) -> list[Row]:
    """The published rows of a table, in the order of its key."""
    found = reader.lake.dataset(table, reader.repo).to_table().to_pylist()
    return sorted(found, key=lambda row: [str(row[name]) for name in table.key])


def told(user: User | None) -> tuple[int | None, str | None]:
    """How silver tells somebody from others: a login that is renamed moves no updated_at."""
    return (None, None) if user is None or user.login == "ghost" else (user.user_id, user.kind)


def named(row: Row, who: str) -> tuple[int | None, str | None]:
    assert (row[f"{who}_login"] is None) == (row[f"{who}_id"] is None)
    return row[f"{who}_id"], row[f"{who}_type"]


def words(acts: Acts, kind: type) -> dict[int, Any]:
    """The comments, or the reviews, that exist."""
    found = [entry for issue in acts.repository.issues.values() for entry in issue.said]
    return {id_of(entry): entry for entry in found if isinstance(entry, kind)}


def id_of(entry: IssueComment | PullRequestReview) -> int:
    return entry.comment_id if isinstance(entry, IssueComment) else entry.review_id


@dataclass(frozen=True)
class Span:
    """When a label was on; `is_end_told` False where only a snapshot shows that it is off."""

    from_at: int
    to_at: int | None = None
    is_end_told: bool = True


def label_spans(acts: Acts) -> dict[tuple[int, int], list[Span]]:
    """When which label was on, by issue id and label id, of the threads that are there."""
    here = {issue.issue_id for issue in acts.repository.issues.values()}
    found: dict[tuple[int, int], list[Span]] = defaultdict(list)
    facts = [fact for fact in acts.facts if fact.issue_id in here and fact.kind in CHANGES]
    for fact in sorted(facts, key=lambda fact: fact.at):
        change(found[fact.issue_id, fact.subject_id], fact)
    return {key: spans for key, spans in found.items() if spans}


CHANGES = {"labeled": True, "label_carried": True, "unlabeled": False, "label_deleted": False}


def change(spans: list[Span], fact: Fact) -> None:
    """Begin a span, or end the one that goes on."""
    is_on = bool(spans) and spans[-1].to_at is None
    if CHANGES[fact.kind] and not is_on:
        spans.append(Span(fact.at))
    elif is_on and not CHANGES[fact.kind]:
        spans[-1] = Span(spans[-1].from_at, fact.at, fact.kind != "label_deleted")


def state_of(issue: Issue) -> str:
    return "merged" if issue.merged_at is not None else issue.state


def unlike(reader: Reader, acts: Acts) -> list[str]:
    """What of the published tables is not as it was: a line each."""
    return [
        *_unlike_comments(reader, acts),
        *_unlike_reviews(reader, acts),
        *_unlike_pull_requests(reader, acts),
        *_unlike_spans(reader, acts),
    ]


def _unlike_comments(reader: Reader, acts: Acts) -> list[str]:
    said = words(acts, IssueComment)
    held = {
        row["comment_id"]: row
        for row in rows(reader, contributors.CONVERSATION_EVENT)
        if row["event_type"] == "commented" and is_here(row, acts)
    }
    found = [f"comment {comment_id} is held or is not" for comment_id in held.keys() ^ said.keys()]
    here = {number for number, issue in acts.repository.issues.items()}
    listed = {
        row["comment_id"] for row in rows(reader, contributors.ISSUE_COMMENT) if row["thread_number"] in here
    }
    found += [f"comment {comment_id} is listed or is not" for comment_id in listed ^ said.keys()]
    for comment_id in held.keys() & said.keys():
        row, comment = held[comment_id], said[comment_id]
        seen = (named(row, "actor"), row["occurred_at"], row["actor_association"])
        if seen != (told(comment.author), moment(comment.created_at), comment.association):
            found.append(f"comment {comment_id}: {seen}")
    return found


def is_here(row: Row, acts: Acts) -> bool:
    issue = acts.repository.issues.get(row["thread_number"])
    return issue is not None and issue.issue_id == row["issue_id"]


def _unlike_reviews(reader: Reader, acts: Acts) -> list[str]:
    given = words(acts, PullRequestReview)
    held = {row["review_id"]: row for row in rows(reader, contributors.REVIEW)}
    found = [f"review {review_id} is held or is not" for review_id in held.keys() ^ given.keys()]
    first = {fact.subject_id: fact.detail for fact in acts.facts if fact.kind == "reviewed"}
    ended = {fact.subject_id: moment(fact.at) for fact in acts.facts if fact.kind == "review_dismissed"}
    for review_id in held.keys() & given.keys():
        row, review = held[review_id], given[review_id]
        seen = (row["state"], row["state_submitted"], row["submitted_at"], row["dismissed_at"])
        wanted = (review.state, first[review_id], moment(review.submitted_at), ended.get(review_id))
        if seen != wanted or named(row, "author") != told(review.author):
            found.append(f"review {review_id}: {seen}, not {wanted}")
    return found


def _unlike_pull_requests(reader: Reader, acts: Acts) -> list[str]:
    held = {row["pull_request_number"]: row for row in rows(reader, contributors.PULL_REQUEST_CURRENT)}
    there = {issue.number: issue for issue in acts.repository.issues.values() if issue.is_pull_request}
    found = [f"pull request {number} is held or is not" for number in held.keys() ^ there.keys()]
    again = [fact.number for fact in acts.facts if fact.kind == "reopened" and fact.is_pull_request]
    for number in held.keys() & there.keys():
        row, issue = held[number], there[number]
        seen = (row["state"], row["is_draft"], row["merged_at"], row["times_reopened"], row["comment_count"])
        wanted = (
            state_of(issue),
            issue.is_draft,
            moment(issue.merged_at),
            again.count(number),
            issue.comment_count,
        )
        people = (named(row, "author"), named(row, "merged_by"))
        if seen != wanted or people != (told(issue.author), told(issue.merged_by)):
            found.append(f"pull request {number}: {seen}, not {wanted}, {people}")
    return found


def _unlike_spans(reader: Reader, acts: Acts) -> list[str]:
    held: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows(reader, contributors.LABEL_SPAN):
        if is_here(row, acts):
            held[row["issue_id"], row["label_id"]].append(row)
    wanted = label_spans(acts)
    found = [f"spans of {key} are held or are not" for key in held.keys() ^ wanted.keys()]
    for key in held.keys() & wanted.keys():
        seen = sorted(held[key], key=lambda row: row["span_number"])
        if len(seen) != len(wanted[key]) or not all(map(is_span, seen, wanted[key])):
            found.append(f"spans of {key}: {[(row['from_at'], row['to_at']) for row in seen]}, {wanted[key]}")
    return found


def is_span(row: Row, span: Span) -> bool:
    """Whether a row tells a span; an end that nothing tells lies where a record showed it."""
    if row["from_at"] != moment(span.from_at):
        return False
    if span.to_at is None or span.is_end_told:
        return row["to_at"] == moment(span.to_at)
    return row["is_to_inferred"] and row["to_at"] >= moment(span.to_at)
