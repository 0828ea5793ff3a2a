"""A world as GitPulse's silver tables would hold it, every answer of GitHub received."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from gitpulse_assets_tests.contributors.oracle_acts import person
from gitpulse_assets_tests.contributors.truth import REACTIONS, Account, Move, Thread, Word, World

Rows = dict[str, list[dict[str, Any]]]
REPO = {"repo_owner": "acme", "repo_name": "rocket"}
EVENT_TYPES = {"ready": "ready_for_review", "drafted": "convert_to_draft"}


def told(prefix: str, account: Account) -> dict[str, Any]:
    """An account as new tables have it: nothing of a deleted one."""
    if account.is_deleted:
        return {f"{prefix}_login": None, f"{prefix}_id": None, f"{prefix}_type": None}
    return {
        f"{prefix}_login": account.login,
        f"{prefix}_id": account.account_id,
        f"{prefix}_type": account.type,
    }


def listed(account: Account) -> dict[str, Any]:
    """An author as the issue list has it: deleted accounts are the account `ghost`."""
    if account.is_deleted:
        return {"author_login": "ghost", "author_id": 10137, "author_type": "User"}
    return told("author", account)


def is_whole(thread: Thread) -> bool:
    """Whether its conversation came whole: of others the list alone tells some comments."""
    return thread.number % 3 != 0


class Writer:
    """Writes a world down, row by row; what was told last of an account is by its login of now.

    Every second thread was told of long ago: each before all that were written before it.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: Rows = defaultdict(list)
        self.id = 10_000
        self.seen: set[int] = set()
        self.seen_before: set[int] = set()
        self.told_at = world.as_of_at

    def next_id(self) -> int:
        self.id += 1
        return self.id

    def said_by(self, prefix: str, account: Account) -> dict[str, Any]:
        """The account, by its old login where the thread was told of long ago; and when the row came first.

        What came first tells no login: it is later, the longer ago the thread was told of.
        """
        now = self.world.as_of_at
        row = {**told(prefix, account), "fetched_at": now - (self.told_at - now + timedelta(days=400))}
        if account.old_login and account.account_id in self.seen_before and self.told_at < now:
            row[f"{prefix}_login"] = account.old_login
        self.seen.add(account.account_id)
        return row

    def add(self, table: str, thread: Thread, **fields: Any) -> None:
        key = {"issue_id": 1_000 + thread.number, "is_pull_request": thread.is_pull_request}
        self.rows[table].append({**REPO, **key, **fields})

    def thread(self, thread: Thread) -> None:
        now = self.world.as_of_at
        self.told_at = now if thread.number % 2 else now - timedelta(days=thread.number)
        self.seen_before = set(self.seen)
        state = "open" if thread.state == "open" else "closed"
        comments = sum(word.kind == "comment" for word in thread.words)
        known = {
            "title": thread.title,
            "created_at": thread.created_at,
            "closed_at": thread.closed_at,
            "updated_at": max(now, thread.closed_at or now),
            "comment_count": comments,
            "departed_at": now if thread.has_departed else None,
            "is_draft": thread.is_draft if thread.is_pull_request else None,
        }
        said = self.said_by("author", thread.author)
        author = {**said, **listed(thread.author)}
        if not thread.author.is_deleted:
            author["author_login"] = said["author_login"]
        author["fetched_at"] = self.told_at
        self.add("issue_current", thread, issue_number=thread.number, state=state, merged_at=thread.merged_at,
                 author_association="NONE", **known, **author)  # fmt: skip
        # What is told of a thread that changed nothing since there was thread_opening, is the conversation's.
        is_old = thread.number % 2 == 0
        association = thread.association if is_old else "NONE"
        self.add("conversation_thread", thread, thread_number=thread.number, is_complete=is_whole(thread),
                 author_association=association, thread_updated_at=known["updated_at"],
                 fetched_at=self.told_at)  # fmt: skip
        if not is_old:
            self.add("thread_opening", thread, author_association=thread.association)
        self.add("issue_reaction", thread, reaction_count=sum(thread.reactions.values()), **{
            f"reaction_{kind}_count": thread.reactions.get(kind, 0) for kind in REACTIONS
        })  # fmt: skip
        if thread.is_pull_request:
            merger = thread.last_end.by if thread.last_end and thread.state == "merged" else None
            merged_by = told("merged_by", merger) if merger else {}
            self.add("pull_request_current", thread, pull_request_number=thread.number, state=thread.state,
                     merged_at=thread.merged_at, fetched_at=self.record_at(thread), **known,
                     **listed(thread.author), **merged_by)  # fmt: skip
            self.later_move(thread)

    def record_at(self, thread: Thread) -> datetime:
        """When its record came: after all that it shows."""
        return max([self.world.as_of_at, *(move.at + timedelta(seconds=1) for move in thread.moves)])

    def later_move(self, thread: Thread) -> None:
        """Of most the conversation came later than the record, with a move that this cannot show."""
        turned = "ready_for_review" if thread.is_draft else "convert_to_draft"
        ended = "closed" if thread.state == "open" else "reopened"
        for kind in ((), (turned,), (ended,))[thread.number % 3]:
            self.event(thread, kind, self.record_at(thread) + timedelta(seconds=1))

    def event(self, thread: Thread, event_type: str, at: datetime, **fields: Any) -> None:
        event_id = self.next_id()
        self.add("conversation_event", thread, event_id=str(event_id), thread_number=thread.number,
                 event_type=event_type, occurred_at=at, position=event_id, **fields)  # fmt: skip

    def move(self, thread: Thread, move: Move) -> None:
        actor = {**told("actor", move.by), "fetched_at": self.world.as_of_at}
        kind = EVENT_TYPES.get(move.kind, move.kind)
        # What else closes than a commit: a pull request, or somebody.
        other = "PullRequest" if thread.number % 2 else None
        closer = {"closer_type": "Commit" if move.is_by_commit else other}
        self.event(thread, kind, move.at, **actor, **(closer if kind == "closed" else {}))
        if kind == "merged":
            self.event(thread, "closed", move.at + timedelta(seconds=1), **actor, **closer)

    def words(self, thread: Thread) -> None:
        review_id, review = 0, None
        for word in thread.words:
            if word.kind == "comment":
                self.comment(thread, word)
            elif word.kind == "review":
                review_id, review = self.next_id(), word
                self.review(thread, word, review_id)
            else:
                self.add("review_comment", thread, comment_id=self.next_id(), review_id=review_id,
                         pull_request_number=thread.number, author_association=word.association,
                         created_at=word.written_at, submitted_at=review and review.at,
                         last_fetched_at=self.told_at, **self.said_by("author", word.author))  # fmt: skip

    def comment(self, thread: Thread, word: Word) -> None:
        """In REST's list, and in the conversation too unless that came in part."""
        comment_id, author = self.next_id(), self.said_by("author", word.author)
        self.add("issue_comment", thread, comment_id=comment_id, thread_number=thread.number,
                 author_association=word.association, created_at=word.at,
                 last_fetched_at=self.told_at, **author)  # fmt: skip
        if is_whole(thread) or comment_id % 2:
            actor = {**told("actor", word.author), "actor_login": author["author_login"]}
            self.event(thread, "commented", word.at, comment_id=comment_id, **actor,
                       actor_association=word.association, fetched_at=author["fetched_at"],
                       last_fetched_at=self.told_at)  # fmt: skip

    def review(self, thread: Thread, word: Word, review_id: int) -> None:
        state = "DISMISSED" if word.dismissed_at else word.state
        author = self.said_by("author", word.author)
        self.add("review", thread, review_id=review_id, pull_request_number=thread.number, state=state,
                 state_submitted=word.state, submitted_at=word.at, dismissed_at=word.dismissed_at,
                 author_association=word.association, last_fetched_at=self.told_at, **author)  # fmt: skip
        actor = {**told("actor", word.author), "fetched_at": author["fetched_at"]}
        self.event(thread, "reviewed", word.at, review_id=review_id, review_state=state,
                   actor_association=word.association, last_fetched_at=self.told_at, **actor)  # fmt: skip

    def labels(self, thread: Thread) -> None:
        for span_number, span in enumerate(thread.labels, start=1):
            self.add("label_span", thread, thread_number=thread.number, label_id=span.label_id,
                     label_name=span.name, span_number=span_number, from_at=span.since,
                     to_at=span.until)  # fmt: skip

    def members(self) -> None:
        organization = self.world.organization
        if organization:
            # A look before it was kept aside: it says nothing.
            first = organization.first_look_at
            self.rows["organization_look"] += [
                {"org_login": "acme", "looked_at": first - timedelta(hours=2), "is_taken": False},
                {"org_login": "acme", "looked_at": first, "is_taken": True},
            ]
        for user_id, spans in organization.spans.items() if organization else ():
            for first, absent in spans:
                self.rows["organization_member"].append({
                    "org_login": "acme", "user_id": user_id, "from_date": first, "to_date": absent,
                    "first_look_at": organization and organization.first_look_at,
                })  # fmt: skip


def silver_rows(world: World) -> Rows:
    """Every row by table; members of an organisation beside the repository's own."""
    writer = Writer(world)
    writer.rows["repository"] = [dict(REPO)]
    writer.members()
    for thread in world.threads:
        writer.thread(thread)
        for move in thread.moves:
            writer.move(thread, move)
        writer.words(thread)
        writer.labels(thread)
        if person(thread.author) % 2:
            writer.event(thread, "comment_deleted", thread.created_at, fetched_at=world.as_of_at)
    return writer.rows
