"""What people say and do on issues and pull requests beside opening and closing them.

A part of `acts`: each act changes what is served, and writes down what happened as a fact.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from gitpulse_assets.sandbox.model import (
    Event,
    Issue,
    IssueComment,
    Label,
    PullRequestReview,
    Repository,
    ReviewComment,
    Team,
    User,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was said or done; `at` is Unix seconds, `association` what it was then.

    `kind` is named as REST's timeline does, beside `opened`, `edited`, `review_commented`,
    `review_comment_deleted`, `review_deleted`, `label_deleted` and `label_carried` (on at an arrival).
    `detail`: a review's state, a label's name, ...; `subject_id`: the comment, review or label.
    """

    at: int
    kind: str
    issue_id: int
    number: int
    is_pull_request: bool
    actor: User | None
    association: str
    detail: str = ""
    subject_id: int = 0


@dataclass
class WordIds:
    """The counters of comments and reviews that all repositories of one GitHub share."""

    comment_id: int = 4_000_000_001
    review_id: int = 5_000_000_001

    def next_comment_id(self) -> int:
        """Take the next id of a comment."""
        self.comment_id += 3
        return self.comment_id

    def next_review_id(self) -> int:
        """Take the next id of a review."""
        self.review_id += 3
        return self.review_id


@dataclass
class ThreadActs(ABC):
    """Words, reviews, requests and drafts of one repository."""

    repository: Repository
    words: WordIds
    facts: list[Fact] = field(default_factory=list)

    def comment(self, issue: Issue, at: int, author: User | None = None) -> IssueComment:
        """Add a comment, which moves updated_at and leaves no issue event."""
        comment_id = self.words.next_comment_id()
        comment = IssueComment(comment_id, issue, author, at, at, association_of(author))
        issue.comment_count += 1
        issue.said.append(comment)
        self._touch(issue, at)
        self._note(issue, "commented", at, author, subject_id=comment_id)
        return comment

    def edit_comment(self, comment: IssueComment, at: int) -> None:
        """Change a comment's text; the thread's updated_at stays."""
        comment.updated_at = comment.edited_at = at
        self.repository.version += 1
        self._note(comment.issue, "edited", at, comment.author, subject_id=comment.comment_id)

    def delete_comment(self, comment: IssueComment, at: int, actor: User | None) -> None:
        """Delete a comment; the thread says that there was one."""
        issue = comment.issue
        issue.said.remove(comment)
        issue.comment_count -= 1
        self._event(issue, "comment_deleted", at, actor)
        self._touch(issue, at)
        self._note(issue, "comment_deleted", at, actor, subject_id=comment.comment_id)

    def celebrate(self, issue: Issue, at: int, actor: User | None) -> None:
        """Do what GitHub has no kind of event for yet."""
        self._event(issue, "celebrated", at, actor)
        self._touch(issue, at)

    def react(self, entry: IssueComment | ReviewComment | Issue, kind: str) -> None:
        """Add a reaction, which moves no updated_at."""
        entry.reactions[kind] = entry.reactions.get(kind, 0) + 1
        if isinstance(entry, Issue):
            entry.raw = None
        self.repository.version += 1

    def review(
        self, issue: Issue, at: int, author: User | None, state: str, *, drafted_at: tuple[int, ...] = ()
    ) -> PullRequestReview:
        """Submit a review with comments that were drafted before."""
        review = PullRequestReview(self.words.next_review_id(), issue, author, state, at)
        issue.said.append(review)
        for written_at in drafted_at:
            comment_id = self.words.next_comment_id()
            issue.review_comments.append(ReviewComment(comment_id, review, author, written_at, at))
            self._note(issue, "review_commented", written_at, author, subject_id=comment_id)
        self._touch(issue, at)
        self._note(issue, "reviewed", at, author, state, review.review_id)
        return review

    def reply(self, comment: ReviewComment, at: int, author: User | None) -> PullRequestReview:
        """Answer a comment on a line, of which GitHub makes a review that is in no timeline."""
        issue = comment.review.issue
        review = self.review(issue, at, author, "COMMENTED", drafted_at=(at,))
        review.is_reply, issue.review_comments[-1].reply_to = True, comment
        return review

    def delete_review_comment(self, comment: ReviewComment, at: int) -> None:
        """Delete a comment on a line, of which nothing tells; a reply's review goes with it."""
        review, issue = comment.review, comment.review.issue
        issue.review_comments.remove(comment)
        if review.is_reply:
            issue.said.remove(review)
            self._note(issue, "review_deleted", at, comment.author, subject_id=review.review_id)
        self.repository.version += 1
        self._note(issue, "review_comment_deleted", at, comment.author, subject_id=comment.comment_id)

    def dismiss(self, review: PullRequestReview, at: int, actor: User | None) -> None:
        """Dismiss a review, which then says nothing of what it said."""
        state, review.state = review.state, "DISMISSED"
        self._event(review.issue, "review_dismissed", at, actor, review=review, review_state=state)
        self._touch(review.issue, at)
        self._note(review.issue, "review_dismissed", at, actor, state, review.review_id)

    def request_review(self, issue: Issue, at: int, actor: User | None, reviewer: User | Team) -> None:
        """Ask somebody for a review."""
        self._did(issue, "review_requested", at, actor, reviewer=reviewer)

    def call_off_review(self, issue: Issue, at: int, actor: User | None, reviewer: User | Team) -> None:
        """Take a request for a review back."""
        self._did(issue, "review_request_removed", at, actor, reviewer=reviewer)

    def mark_ready(self, issue: Issue, at: int, actor: User | None) -> None:
        """Make a draft ready for review."""
        issue.is_draft = False
        self._did(issue, "ready_for_review", at, actor)

    def convert_to_draft(self, issue: Issue, at: int, actor: User | None) -> None:
        """Make a pull request a draft again."""
        issue.is_draft = True
        self._did(issue, "convert_to_draft", at, actor)

    def delete_label(self, label: Label, at: int) -> None:
        """Delete a label: it is gone from every thread, without an event and without a moved updated_at.

        Also from hidden ones, which may come back.
        """
        self.repository.labels.remove(label)
        hidden = [issue for issue in self.repository.departed.values() if issue.departure == "hidden"]
        for issue in (*self.repository.issues.values(), *hidden):
            if label in issue.labels:
                issue.labels = [kept for kept in issue.labels if kept is not label]
                self._note(issue, "label_deleted", at, None, label.name, label.label_id)
        self.forget_rendered()

    def forget_rendered(self) -> None:
        """Render every record anew, since something that many of them show has changed."""
        self.repository.version += 1
        for issue in self.repository.issues.values():
            issue.raw = None

    def _did(self, issue: Issue, kind: str, at: int, actor: User | None, **details: object) -> None:
        self._event(issue, kind, at, actor, **details)
        self._touch(issue, at)

    def _event(self, issue: Issue, kind: str, at: int, actor: User | None, **details: object) -> None:
        event_id = self._next_event_id()
        issue.events.append(Event(event_id, kind, at, actor, **details))  # pyright: ignore
        self._note_event(issue, issue.events[-1])

    @abstractmethod
    def _next_event_id(self) -> int: ...

    def _note_event(self, issue: Issue, event: Event) -> None:
        if event.review is None and event.kind != "comment_deleted":
            detail = event.label.name if event.label else ""
            subject = event.label.label_id if event.label else 0
            self._note(issue, event.kind, event.at, event.actor, detail, subject)

    def _note(
        self, issue: Issue, kind: str, at: int, actor: User | None, detail: str = "", subject_id: int = 0
    ) -> None:
        association = association_of(actor)
        self.facts.append(
            Fact(
                at,
                kind,
                issue.issue_id,
                issue.number,
                issue.is_pull_request,
                actor,
                association,
                detail,
                subject_id,
            )
        )

    def _touch(self, issue: Issue, at: int) -> None:
        issue.updated_at = max(issue.updated_at, at)
        issue.raw = None
        self.repository.version += 1


def association_of(user: User | None) -> str:
    """The tie of an author to the repository, NONE of a deleted account."""
    return user.association if user else "NONE"
