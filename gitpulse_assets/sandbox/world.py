"""One stand-in GitHub: its repositories, its clock and what is scheduled to happen as the clock advances."""

import heapq
import threading
from collections.abc import Callable
from typing import Any

from gitpulse_assets.sandbox.acts import Acts, Ids
from gitpulse_assets.sandbox.feeds import EventIds, PublicFeed
from gitpulse_assets.sandbox.model import Issue, Repository, node_id
from gitpulse_assets.sandbox.organizations import OrganizationActs
from gitpulse_assets.sandbox.times import parse_iso
from gitpulse_assets.sandbox.truth import Truth

DEFAULT_CLOCK = "2026-06-30T12:00:00Z"
FIRST_REPOSITORY_ID = 700_000_001

Action = Callable[[int, Any], None]


class World:
    """Repositories under one frozen clock.

    `clock` is Unix seconds and moves only by `advance`; `lock` is held while a request is answered or the
    world advances, so a test may advance a world that a server thread is serving. `people`: owners, in lower
    case, that are no organisation. `firehose_shown`: the ids of all events that the firehose showed.
    `has_newer_kinds`: whether timelines have a kind of event that GitHub has not yet.
    """

    def __init__(self, clock: str = DEFAULT_CLOCK) -> None:
        self.clock = parse_iso(clock)
        self.ids = Ids()
        self.repositories: dict[int, Repository] = {}
        self.acts: dict[int, Acts] = {}
        self.feeds: dict[int, PublicFeed] = {}
        self.event_ids = EventIds()
        self.people: set[str] = set()
        self.has_newer_kinds = False
        self.organizations: dict[str, OrganizationActs] = {}
        self.firehose_shares = {"code": 0.3, "other": 0.1}
        self.firehose_shown: set[int] = set()
        self.lock = threading.RLock()
        self._queue: list[tuple[int, int, Action, Any]] = []
        self._scheduled_count = 0

    def add_repository(self, full_name: str, *, repository_id: int | None = None, **details: Any) -> Acts:
        """Create a repository and return the acts on it; `details` are fields of Repository."""
        owner, name = full_name.split("/")
        number = len(self.repositories)
        repository_id = repository_id or FIRST_REPOSITORY_ID + 11 * number
        repository = Repository(repository_id, owner, name, created_at=self.clock, **details)
        repository.node_id = repository.node_id or node_id("R", repository_id)
        repository.owner_id = repository.owner_id or self._owner_id(owner) or 90_000_001 + number
        self.repositories[repository_id] = repository
        self.acts[repository_id] = Acts(repository, self.ids)
        self.feeds[repository_id] = PublicFeed(repository, self.event_ids)
        return self.acts[repository_id]

    def _owner_id(self, owner: str) -> int | None:
        """The id of an owner of repositories; None of one that has none."""
        every = self.repositories.values()
        return next((one.owner_id for one in every if one.owner.lower() == owner.lower()), None)

    def kind_of(self, owner: str) -> str:
        """What an owner is, by GitHub's word."""
        return "User" if owner.lower() in self.people else "Organization"

    def organization(self, login: str) -> OrganizationActs:
        """The acts on the organisation that owns repositories of the world. Raises KeyError for a person."""
        found = self.organization_named(login)
        if found is None:
            raise KeyError(login)
        return found

    def organization_named(self, name: str, *, is_number: bool = False) -> OrganizationActs | None:
        """An owner that is an organisation, by its login in any case or its number; None for others."""
        for repository in self.repositories.values():
            login = repository.owner.lower()
            known_by = str(repository.owner_id) if is_number else login
            if known_by == name.lower() and login not in self.people:
                acts = OrganizationActs(repository.owner, repository.owner_id)
                return self.organizations.setdefault(login, acts)
        return None

    def repository(self, full_name: str) -> Repository | None:
        """Find a repository by its name or a former one, in any letter case."""
        wanted = full_name.lower()
        for repository in self.repositories.values():
            if repository.full_name.lower() == wanted:
                return repository
        for repository in self.repositories.values():
            if wanted in (former.lower() for former in repository.former_names):
                return repository
        return None

    def acts_on(self, full_name: str) -> Acts:
        """The acts on one repository. Raises KeyError for an unknown name."""
        repository = self.repository(full_name)
        if repository is None:
            raise KeyError(full_name)
        return self.acts[repository.repository_id]

    def feed(self, full_name: str) -> PublicFeed:
        """The public events of one repository. Raises KeyError for an unknown name."""
        return self.feeds[self.acts_on(full_name).repository.repository_id]

    def truth(self, full_name: str) -> Truth:
        """What really happened to one repository's backlog. Raises KeyError for an unknown name."""
        return self.acts_on(full_name).truth

    def rename_repository(self, full_name: str, new_full_name: str) -> None:
        """Rename a repository, or hand it over; its old name answers with a redirect from now on."""
        acts = self.acts_on(full_name)
        acts.repository.former_names.append(acts.repository.full_name)
        owner, name = new_full_name.split("/")
        acts.repository.owner_id = self._owner_id(owner) or acts.repository.owner_id
        acts.repository.owner, acts.repository.name = owner, name
        acts.forget_rendered()

    def issue_by_node(self, global_id: str) -> Issue | None:
        """Resolve a node id as GitHub does: a transferred issue resolves to where it is now."""
        issue = self.ids.nodes.get(global_id)
        while issue is not None and issue.moved_to is not None:
            issue = issue.moved_to
        return None if issue is None or issue.departure else issue

    def schedule(self, at: int, action: Action, argument: Any = None) -> None:
        """Have `action(at, argument)` called when the clock reaches `at`; equal times keep this order."""
        self._scheduled_count += 1
        heapq.heappush(self._queue, (at, self._scheduled_count, action, argument))

    def advance(self, *, seconds: int = 0, to: str | None = None) -> None:
        """Move the clock on by seconds, or to an ISO time, and let happen what happens until then."""
        with self.lock:
            target = parse_iso(to) if to else self.clock + seconds
            if target < self.clock:
                raise ValueError("the clock does not go back")
            self.run_until(target)
            self.clock = target

    def run_until(self, target: int) -> None:
        """Perform what is scheduled up to `target` (Unix seconds) without moving the clock."""
        while self._queue and self._queue[0][0] <= target:
            at, _, action, argument = heapq.heappop(self._queue)
            action(at, argument)
