"""What the stand-in GitHub wrote down as it acted, as a `World` for the oracle."""

from collections.abc import Iterable
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
    Moved,
    Organization,
    Thread,
    Word,
    World,
)
from gitpulse_assets_tests.contributors.witness import Entry, Look, Witness

HOUR = 3600
NOBODY = Account(0, "", is_deleted=True)
REACTIONS = {"+1": "plus_1", "-1": "minus_1"}
DELETIONS = ("comment_deleted", "review_comment_deleted", "review_deleted")
LABEL_FACTS = ("labeled", "label_carried", "unlabeled", "label_deleted")
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


def first_association(witness: Witness, fact: Fact, *entries: Entry) -> str:
    """An entry's association as it was shown first; of a reply's review that of its comment."""
    shown = (witness.associations[entry] for entry in entries if entry in witness.associations)
    return next(shown, fact.association)


def words_of(facts: list[Fact], witness: Witness) -> list[Word]:
    deleted = {fact.subject_id for fact in facts if fact.kind in DELETIONS}
    dismissed = {fact.subject_id: moment(fact.at) for fact in facts if fact.kind == "review_dismissed"}
    found: list[Word] = []
    drafts: list[Fact] = []
    for fact in facts:
        who, at = account(fact.actor), moment(fact.at)
        is_here = fact.subject_id not in deleted
        if fact.kind == "commented" and is_here:
            found.append(
                Word("comment", at, who, first_association(witness, fact, ("comment", fact.subject_id)))
            )
        elif fact.kind == "review_commented":
            drafts += [fact] if is_here else []
        elif fact.kind == "reviewed":
            ended = dismissed.get(fact.subject_id)
            remarks: list[Entry] = [("review_comment", draft.subject_id) for draft in drafts]
            tie = first_association(witness, fact, ("review", fact.subject_id), *remarks)
            found += [Word("review", at, who, tie, fact.detail, ended)] if is_here else []
            found += [
                Word(
                    "review_comment",
                    at,
                    who,
                    first_association(witness, fact, remark),
                    written_at=moment(draft.at),
                )
                for draft, remark in zip(drafts, remarks, strict=True)
            ]
            drafts = []
    return found


def labels_of(facts: list[Fact], witness: Witness) -> list[LabelTime]:
    """Each time a label was on, by the name shown last; deleted, it ended when that was noticed."""
    found: list[LabelTime] = []
    on: dict[int, Fact] = {}
    for fact in (fact for fact in facts if fact.kind in LABEL_FACTS):
        label_id = fact.subject_id
        if fact.kind in ("labeled", "label_carried"):
            on.setdefault(label_id, fact)
        elif begun := on.pop(label_id, None):
            is_told = begun.kind == "labeled" or fact.kind == "unlabeled"
            if is_told or witness.has_shown(fact.issue_id, label_id):
                ended = fact.at if fact.kind == "unlabeled" else witness.noticed_at(begun, fact)
                found.append(label_time(begun, witness, ended))
    return found + [label_time(begun, witness, None) for begun in on.values()]


def label_time(begun: Fact, witness: Witness, ended: int | None) -> LabelTime:
    until = None if ended is None else moment(ended)
    name = witness.label_names.get(begun.subject_id, begun.detail)
    return LabelTime(begun.subject_id, name, moment(begun.at), until)


def thread_of(issue: Issue, facts: list[Fact], witness: Witness) -> Thread:
    turns = [fact.kind for fact in facts if fact.kind in ("ready_for_review", "convert_to_draft")]
    is_draft = turns[0] == "ready_for_review" if turns else bool(issue.is_draft)
    return Thread(
        issue.number,
        issue.is_pull_request,
        account(issue.author),
        witness.associations.get(("issue", issue.issue_id), association_of(issue.author)),
        moment(issue.created_at),
        issue.title,
        issue.is_pull_request and is_draft,
        moves_of(facts, issue) if issue.is_pull_request else closing_of(issue),
        words_of(facts, witness),
        labels_of(facts, witness),
        {REACTIONS.get(kind, kind): count for kind, count in issue.reactions.items()},
    )


def organization_of(looks: Iterable[Look]) -> Organization | None:
    """An organisation as somebody saw it who was shown these lists.

    An empty one counts where one an hour or more later is empty, too.
    """
    spans: dict[int, list[tuple[date | None, date | None]]] = {}
    first: datetime | None = None
    known: frozenset[int] = frozenset()
    for look in believed(looks):
        day = moment(look.at).date()
        for gone in known - look.user_ids:
            since, _ = spans[gone].pop()
            spans[gone] += [(since, day)] if since != day else []
        for new in look.user_ids - known:
            spans.setdefault(new, []).append((day if first else None, None))
        first, known = first or moment(look.at), look.user_ids
    return Organization(first, spans) if first else None


def believed(looks: Iterable[Look]) -> list[Look]:
    found: list[Look] = []
    aside: Look | None = None
    for look in looks:
        is_doubted = not look.user_ids and (not found or bool(found[-1].user_ids))
        if not is_doubted:
            found, aside = [*found, look], None
        elif aside is None:
            aside = look
        elif look.at - aside.at >= HOUR:
            found, aside = [*found, aside, look], None
    return found


@dataclass(frozen=True)
class Departed:
    """A thread that left, as of then; `is_dated` where somebody who asks now is told when."""

    thread: Thread
    left_at: datetime
    is_dated: bool


def left_threads(sandbox: Sandbox, name: str, witness: Witness) -> list[Departed]:
    """The issues that left and whose labels nobody changed since they were shown."""
    acts, found = sandbox.acts_on(name), []
    by_issue = facts_of(acts)
    for issue in acts.repository.departed.values():
        facts, stay = by_issue.get(issue.issue_id, []), acts.truth.presences[issue.issue_id][-1]
        last = witness.last_read(issue.issue_id)
        changes = [fact.at for fact in facts if fact.kind in LABEL_FACTS and fact.kind != "label_deleted"]
        if last is None or stay.end is None or any(at >= last for at in changes):
            continue
        thread = thread_of(issue, facts, witness)
        found.append(Departed(thread, moment(stay.end), has_date(stay, sandbox.clock)))
    return found


def moved_issues(sandbox: Sandbox, name: str, witness: Witness) -> list[Moved]:
    """The issues that came or went, as far as `witness` was shown them."""
    own = sandbox.acts_on(name)
    origins = [issue for acts in sandbox.acts.values() for issue in acts.repository.departed.values()]
    moves = [(origin, origin.moved_to) for origin in origins if origin.moved_to is not None]
    came = [
        arrival(own, origin, here, witness)
        for origin, here in moves
        if here.repository is own.repository and witness.last_read(here.issue_id) is not None
    ]
    return came + [
        departure(sandbox, own, here, there)
        for here, there in moves
        if here.repository is own.repository and witness.records.get(here.issue_id)
    ]


def arrival(own: Acts, origin: Issue, here: Issue, witness: Witness) -> Moved:
    labels = tuple(label.name for label in here.labels)
    return Moved(
        here.issue_id,
        here.number,
        "in",
        moment(own.truth.presences[here.issue_id][0].start),
        origin.repository.full_name,
        labels=tuple(label.name for label in origin.labels),
        now=(here.title, here.state, labels) if here.number in own.repository.issues else None,
    )


def departure(sandbox: Sandbox, own: Acts, here: Issue, there: Issue) -> Moved:
    stay = own.truth.presences[here.issue_id][-1]
    is_told = stay.end is not None and has_date(stay, sandbox.clock)
    left_at = moment(stay.end) if is_told and stay.end is not None else None
    return Moved(here.issue_id, here.number, "out", left_at, there.repository.full_name, there.number)


def facts_of(acts: Acts) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = {}
    for fact in acts.facts:
        found.setdefault(fact.issue_id, []).append(fact)
    return found


def world_of(sandbox: Sandbox, name: str, as_of_at: datetime, witness: Witness) -> World:
    """The world of one repository, every fact up to now, as far as `witness` was shown it."""
    acts = sandbox.acts_on(name)
    by_issue = facts_of(acts)
    threads = [
        thread_of(issue, by_issue[issue.issue_id], witness)
        for issue in acts.repository.issues.values()
        if issue.issue_id in by_issue
    ]
    return World(as_of_at, threads, organization_of(witness.looks))
