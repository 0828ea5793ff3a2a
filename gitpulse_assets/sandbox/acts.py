"""What can happen to an issue at GitHub: each act changes what is served and writes down the truth.

Which act happens when is decided by `history`, or by a test that scripts a case. Nothing here is random.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gitpulse_assets.sandbox.model import Event, Issue, IssueComment, Label, Repository, User, node_id
from gitpulse_assets.sandbox.thread_acts import ThreadActs, WordIds
from gitpulse_assets.sandbox.times import DAY_SECONDS
from gitpulse_assets.sandbox.truth import Transition, Truth

# Today's ids of issues and events exceed 32 bits, and what stores them must bear it.
FIRST_ISSUE_ID = 3_100_000_001
FIRST_EVENT_ID = 20_000_000_001


@dataclass
class Ids:
    """The counters all repositories of one GitHub share, and every issue by its node id."""

    issue_id: int = FIRST_ISSUE_ID
    event_id: int = FIRST_EVENT_ID
    nodes: dict[str, Issue] = field(default_factory=dict)
    words: WordIds = field(default_factory=WordIds)

    def next_event_id(self) -> int:
        """Take the next event id; GitHub's have gaps, which nobody may lean on."""
        self.event_id += 3
        return self.event_id


class Acts(ThreadActs):
    """The acts on one repository's issues; times are Unix seconds and go forward for each issue."""

    def __init__(self, repository: Repository, ids: Ids) -> None:
        super().__init__(repository, ids.words)
        self.ids = ids
        self.truth = Truth()
        self.next_number = 1

    def open(
        self,
        at: int,
        author: User | None,
        title: str,
        *,
        labels: Iterable[Label] = (),
        is_pull_request: bool = False,
    ) -> Issue:
        """Open an issue or pull request."""
        issue = self._new(at, at, author, title, is_pull_request=is_pull_request)
        self._note(issue, "opened", at, author)
        for label in labels:
            issue.labels.append(label)
            self._event(issue, "labeled", at, author, label=label)
        self._arrive(issue, at, "opened", author)
        return issue

    def close(
        self,
        issue: Issue,
        at: int,
        actor: User | None,
        reason: str = "completed",
        *,
        event_lag_seconds: int = 0,
        is_bulk: bool = False,
    ) -> None:
        """Close an issue at `at`; its event and updated_at trail by `event_lag_seconds`."""
        event_at = at + event_lag_seconds
        self._event(issue, "closed", event_at, actor, state_reason=reason)
        self._set_closed(issue, at, actor, reason)
        self._touch(issue, event_at)
        # A closing dated before the issue was created takes effect when it was created.
        self._leave(issue, max(at, issue.created_at), "closed", actor, is_bulk=is_bulk)

    def close_again(self, issue: Issue, at: int, actor: User | None, reason: str) -> None:
        """Give a closed issue another reason: a second `closed` event, while closed_at stays."""
        issue.state_reason = reason
        self._event(issue, "closed", at, actor, state_reason=reason)
        self._touch(issue, at)

    def reopen(self, issue: Issue, at: int, actor: User | None) -> None:
        """Reopen a closed issue."""
        issue.state, issue.state_reason, issue.closed_at, issue.closed_by = "open", "reopened", None, None
        self._event(issue, "reopened", at, actor, state_reason="reopened")
        self._touch(issue, at)
        self._enter(issue, at, "reopened", actor)

    def reopen_pull_request(self, issue: Issue, at: int, actor: User | None) -> None:
        """Reopen a pull request that was closed and not merged."""
        issue.state, issue.closed_at, issue.closed_by = "open", None, None
        self._did(issue, "reopened", at, actor)

    def merge(self, issue: Issue, at: int, actor: User | None) -> None:
        """Merge a pull request, which closes it."""
        issue.merged_at, issue.merged_by = at, actor
        self._event(issue, "merged", at, actor)
        self.close_pull_request(issue, at, actor)

    def close_pull_request(
        self,
        issue: Issue,
        at: int,
        actor: User | None,
        *,
        closer: str | None = None,
        keeps_draft: bool = False,
    ) -> None:
        """Close a pull request; it has no state_reason and is no part of the truth of the backlog.

        `closer`: what closed it in an actor's stead, `Commit` where the work landed by another way.
        """
        self._event(issue, "closed", at, actor, closer=closer)
        self._set_closed(issue, at, actor, None)
        issue.is_draft = issue.is_draft and keeps_draft
        self._touch(issue, at)

    def convert(self, issue: Issue, at: int, actor: User | None, *, closes: bool = True) -> None:
        """Convert an issue to a discussion, which closes it without a `closed` event.

        With `closes` False only the events appear, as on issues whose conversion was undone.
        """
        self._event(issue, "locked", at, actor)
        self._event(issue, "converted_to_discussion", at, actor)
        if closes:
            issue.locked = True
            self._set_closed(issue, at, actor, "completed")
            self._leave(issue, at, "converted", actor)
        self._touch(issue, at)

    def turn_into_pull_request(self, issue: Issue, at: int, actor: User | None) -> None:
        """Make a pull request of an issue, which keeps its id and number (`POST /pulls` with an issue)."""
        if issue.state == "open":
            self._leave(issue, at, "converted", actor)
        issue.is_pull_request = True
        self._touch(issue, at)

    def transfer(self, issue: Issue, at: int, actor: User | None, target: "Acts | None") -> Issue | None:
        """Move an issue to another repository, or out of every reader's sight when `target` is None.

        Returns the issue it is there: new id and number, its old created_at, all its events.
        """
        self._depart(issue, at, "transferred_out", actor, is_dated=target is not None)
        if target is not None:
            issue.moved_to = target.receive(issue, at, actor)
            self.truth.follow(issue.issue_id, target.truth.presences[issue.moved_to.issue_id])
        return issue.moved_to

    def receive(self, origin: Issue, at: int, actor: User | None) -> Issue:
        """Take in an issue that another repository transferred."""
        issue = self._new(at, origin.created_at, origin.author, origin.title)
        issue.state, issue.state_reason, issue.body_seed = origin.state, origin.state_reason, origin.body_seed
        issue.closed_at, issue.closed_by, issue.locked = origin.closed_at, origin.closed_by, origin.locked
        issue.assignees = list(origin.assignees)
        self._carry_words(issue, origin)
        names = {label.name for label in origin.labels}
        issue.labels = [label for label in self.repository.labels if label.name in names]
        for label in issue.labels:
            self._note(issue, "label_carried", at, actor, label.name, label.label_id)
        for event in origin.events:
            self._copy_event(issue, event)
        self._event(issue, "transferred", at, actor, from_repository=origin.repository)
        self._touch(issue, at)
        self._arrive(issue, at, "transferred_in", actor)
        return issue

    def delete(self, issue: Issue, at: int) -> None:
        """Delete an issue, which leaves no event anywhere."""
        self._depart(issue, at, "deleted", None, is_dated=False)

    def hide(self, issue: Issue, at: int) -> None:
        """Make an issue vanish without being deleted, as with a suspended author; `restore` undoes it."""
        self._depart(issue, at, "deleted", None, is_dated=False)
        issue.departure = "hidden"

    def restore(self, issue: Issue, at: int) -> None:
        """Let a departed issue come back under its id, as when a suspended author returns and comments."""
        issue.departure = None
        del self.repository.departed[issue.number]
        self.repository.issues[issue.number] = issue
        self.comment(issue, at, issue.author)
        self._arrive(issue, at, "returned", None)

    def label(self, issue: Issue, at: int, actor: User | None, label: Label) -> None:
        """Put a label on an issue, or take it off when it is there."""
        kind = "unlabeled" if label in issue.labels else "labeled"
        issue.labels = [kept for kept in issue.labels if kept is not label]
        if kind == "labeled":
            issue.labels.append(label)
        self._event(issue, kind, at, actor, label=label)
        self._touch(issue, at)

    def assign(self, issue: Issue, at: int, actor: User | None, assignee: User) -> None:
        """Assign a user who is not yet assigned."""
        issue.assignees = [*issue.assignees, assignee]
        self._event(issue, "assigned", at, actor, assignee=assignee)
        self._touch(issue, at)

    def retitle(self, issue: Issue, at: int, actor: User | None, title: str) -> None:
        """Change an issue's title."""
        self._event(issue, "renamed", at, actor, title_before=issue.title, title_after=title)
        issue.title = title
        self._touch(issue, at)

    def rewrite(self, issue: Issue, at: int, actor: User | None, title: str, body: str | None) -> None:
        """Give an issue another title and, unless it is None, another text; the text leaves no event."""
        if title != issue.title:
            self.retitle(issue, at, actor, title)
        if body is not None:
            issue.body = body
        self._touch(issue, at)

    def rename_label(self, label: Label, name: str) -> None:
        """Rename a label: its issues show the new name while their updated_at stays."""
        label.name = name
        self.forget_rendered()

    def _new(
        self, at: int, created_at: int, author: User | None, title: str, *, is_pull_request: bool = False
    ) -> Issue:
        self.ids.issue_id += 7
        issue_id, repository = self.ids.issue_id, self.repository
        prefix = "PR" if is_pull_request else "I"
        issue = Issue(
            issue_id=issue_id,
            number=self.next_number,
            node_id=node_id(prefix, repository.repository_id, issue_id),
            repository=repository,
            title=title,
            author=author,
            created_at=created_at,
            updated_at=at,
            is_pull_request=is_pull_request,
            body_seed=issue_id,
        )
        self.next_number += 1
        repository.issues[issue.number] = issue
        self.ids.nodes[issue.node_id] = issue
        return issue

    def _set_closed(self, issue: Issue, at: int, actor: User | None, reason: str | None) -> None:
        issue.state, issue.state_reason, issue.closed_at, issue.closed_by = "closed", reason, at, actor

    def _next_event_id(self) -> int:
        return self.ids.next_event_id()

    def _copy_event(self, issue: Issue, event: Event) -> None:
        # A transferred issue's events get new ids there and keep their times.
        copy = Event(self.ids.next_event_id(), event.kind, event.at, event.actor, event.state_reason)
        copy.assignee, copy.lock_reason, copy.label = event.assignee, event.lock_reason, event.label
        copy.title_before, copy.title_after = event.title_before, event.title_after
        copy.from_repository = event.from_repository
        issue.events.append(copy)

    def _carry_words(self, issue: Issue, origin: Issue) -> None:
        for comment in origin.said:
            if isinstance(comment, IssueComment):
                ours = replace(comment, comment_id=self.words.next_comment_id(), issue=issue)
                issue.said.append(ours)
                self._note(issue, "commented", ours.created_at, ours.author, subject_id=ours.comment_id)
        issue.comment_count = origin.comment_count

    def _arrive(self, issue: Issue, at: int, kind: str, actor: User | None) -> None:
        self.repository.version += 1
        if not issue.is_pull_request:
            self.truth.arrive(issue.issue_id, at)
            if issue.state == "open":
                self._enter(issue, at, kind, actor)

    def _depart(self, issue: Issue, at: int, kind: str, actor: User | None, *, is_dated: bool) -> None:
        issue.departure = kind
        del self.repository.issues[issue.number]
        self.repository.departed[issue.number] = issue
        self.repository.version += 1
        if not issue.is_pull_request:
            self.truth.depart(issue.issue_id, at, kind, is_dated=is_dated)
            if issue.state == "open":
                self._leave(issue, at, kind, actor)

    def _enter(self, issue: Issue, at: int, kind: str, actor: User | None) -> None:
        login = actor.login if actor else None
        self.truth.enter(Transition(at, issue.issue_id, issue.number, kind, +1, login))

    def _leave(self, issue: Issue, at: int, kind: str, actor: User | None, *, is_bulk: bool = False) -> None:
        login = actor.login if actor else None
        self.truth.leave(Transition(at, issue.issue_id, issue.number, kind, -1, login, is_bulk))


def event_lag(closed_at: int, lag_seconds: int) -> int:
    """The lag of a `closed` event, 0 where it would fall on the next UTC day.

    An earlier closing is known by its event alone, so its day could not be known otherwise.
    """
    return lag_seconds if (closed_at + lag_seconds) // DAY_SECONDS == closed_at // DAY_SECONDS else 0
