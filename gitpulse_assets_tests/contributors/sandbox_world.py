"""What the stand-in GitHub wrote down as it acted, as a `World` for the oracle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from gitpulse_assets.sandbox.acts import Acts
from gitpulse_assets.sandbox.model import Issue, User
from gitpulse_assets.sandbox.thread_acts import Fact, association_of
from gitpulse_assets.sandbox.truth import has_date
from gitpulse_assets.sandbox.world import World as Sandbox
from gitpulse_assets_tests.contributors.truth import (
    Account,
    LabelTime,
    Move,
    Organization,
    Thread,
    Word,
    World,
)

NOBODY = Account(0, "", is_deleted=True)
MOVES = {
    "closed": "closed",
    "reopened": "reopened",
    "merged": "merged",
    "ready_for_review": "ready",
    "convert_to_draft": "drafted",
}


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def account(user: User | None) -> Account:
    is_here = user is not None and user.login != "ghost"
    return Account(user.user_id, user.login, user.kind) if user and is_here else NOBODY  # type: ignore[arg-type]


def moves_of(facts: Iterable[Fact], issue: Issue) -> list[Move]:
    """Each change of state once: what closes again only changes the reason, and a merge closes too."""
    by_commit = {event.at for event in issue.events if event.kind == "closed" and event.closer == "Commit"}
    found: list[Move] = []
    state = "reopened"
    for fact in facts:
        kind = MOVES.get(fact.kind)
        ended = state in ("closed", "merged")
        if kind is None or (kind == "closed" and ended) or (kind == "reopened" and not ended):
            continue
        state = kind if kind in ("closed", "merged", "reopened") else state
        is_by_commit = kind == "closed" and fact.at in by_commit
        found.append(Move(kind, moment(fact.at), account(fact.actor), is_by_commit))  # type: ignore[arg-type]
    return found


def closing_of(issue: Issue) -> list[Move]:
    """An issue's last closing as its record has it: conversions and arrivals close without an event."""
    if issue.closed_at is None:
        return []
    return [Move("closed", moment(issue.closed_at), account(issue.closed_by))]


def words_of(facts: list[Fact]) -> list[Word]:
    deleted = {fact.subject_id for fact in facts if fact.kind == "comment_deleted"}
    dismissed = {fact.subject_id: moment(fact.at) for fact in facts if fact.kind == "review_dismissed"}
    found: list[Word] = []
    drafts: list[Fact] = []
    for fact in facts:
        who, at = account(fact.actor), moment(fact.at)
        if fact.kind == "commented" and fact.subject_id not in deleted:
            found.append(Word("comment", at, who, fact.association))
        elif fact.kind == "review_commented":
            drafts.append(fact)
        elif fact.kind == "reviewed":
            found.append(
                Word("review", at, who, fact.association, fact.detail, dismissed.get(fact.subject_id))
            )
            found += [
                Word("review_comment", at, who, fact.association, written_at=moment(draft.at))
                for draft in drafts
            ]
            drafts = []
    return found


def labels_of(facts: list[Fact], names: Mapping[int, str]) -> list[LabelTime]:
    """Each time a label was on that is there now: one that was deleted ended when somebody looked."""
    found: list[LabelTime] = []
    on: dict[int, datetime] = {}
    for fact in facts:
        label_id = fact.subject_id
        if label_id in names and fact.kind in ("labeled", "label_carried"):
            on.setdefault(label_id, moment(fact.at))
        elif label_id in on and fact.kind == "unlabeled":
            found.append(LabelTime(label_id, names[label_id], on.pop(label_id), moment(fact.at)))
    return found + [LabelTime(label_id, names[label_id], since, None) for label_id, since in on.items()]


def thread_of(issue: Issue, facts: list[Fact], names: Mapping[int, str]) -> Thread:
    turns = [fact.kind for fact in facts if fact.kind in ("ready_for_review", "convert_to_draft")]
    is_draft = turns[0] == "ready_for_review" if turns else bool(issue.is_draft)
    return Thread(
        issue.number,
        issue.is_pull_request,
        account(issue.author),
        association_of(issue.author),
        moment(issue.created_at),
        issue.title,
        issue.is_pull_request and is_draft,
        moves_of(facts, issue) if issue.is_pull_request else closing_of(issue),
        words_of(facts),
        labels_of(facts, names),
    )


def organization_of(sandbox: Sandbox, login: str, looks: Iterable[datetime]) -> Organization | None:
    """An organisation as somebody saw it who looked at these moments, in order, and believed what he saw."""
    acts, spans = sandbox.organization(login), dict[int, list[tuple[date | None, date | None]]]()
    first: datetime | None = None
    known: set[int] = set()
    for looked_at in looks:
        there, day = acts.members_at(int(looked_at.timestamp())), looked_at.date()
        for gone in known - there:
            since, _ = spans[gone].pop()
            spans[gone] += [(since, day)] if since != day else []
        for new in there - known:
            spans.setdefault(new, []).append((day if first else None, None))
        first, known = first or looked_at, there
    return Organization(first, spans) if first else None


@dataclass(frozen=True)
class Departed:
    """A thread that left, as of then; `is_dated` where somebody who asks now is told when."""

    thread: Thread
    left_at: datetime
    is_dated: bool


def left_threads(sandbox: Sandbox, name: str, seen_at: Mapping[int, int]) -> list[Departed]:
    """The issues that left and whose labels nobody changed since they were seen, by issue id in seconds."""
    acts, found = sandbox.acts_on(name), []
    by_issue, names = facts_of(acts), names_of(acts)
    for issue in acts.repository.departed.values():
        facts, stay = by_issue.get(issue.issue_id, []), acts.truth.presences[issue.issue_id][-1]
        last = seen_at.get(issue.issue_id)
        if last is None or stay.end is None or any(fact.at >= last for fact in facts if "label" in fact.kind):
            continue
        thread = thread_of(issue, facts, names)
        found.append(Departed(thread, moment(stay.end), has_date(stay, sandbox.clock)))
    return found


def facts_of(acts: Acts) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = {}
    for fact in acts.facts:
        found.setdefault(fact.issue_id, []).append(fact)
    return found


def names_of(acts: Acts) -> dict[int, str]:
    """The labels that there are now, by id."""
    return {label.label_id: label.name for label in acts.repository.labels}


def world_of(sandbox: Sandbox, name: str, as_of_at: datetime, looks: Iterable[datetime] = ()) -> World:
    """The world of one repository, every fact up to now; `looks`: when its members were looked at."""
    acts = sandbox.acts_on(name)
    by_issue, names = facts_of(acts), names_of(acts)
    threads = [
        thread_of(issue, by_issue[issue.issue_id], names)
        for issue in acts.repository.issues.values()
        if issue.issue_id in by_issue
    ]
    return World(as_of_at, threads, organization_of(sandbox, acts.repository.owner, looks))
