"""The open issues of a generated repository, to draw from in constant time."""

from random import Random

from gitpulse_assets.sandbox.model import Issue


class Stock:
    """Open issues, with a memory of the order in which they entered and of those that left."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._items: list[Issue] = []
        self._position: dict[int, int] = {}
        self._entered: list[Issue] = []
        self._left: list[Issue] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, issue: Issue) -> None:
        """Put an issue in."""
        self._position[issue.issue_id] = len(self._items)
        self._items.append(issue)
        self._entered.append(issue)

    def remove(self, issue: Issue) -> None:
        """Take an issue out, if it is in."""
        position = self._position.pop(issue.issue_id, None)
        if position is None:
            return
        last = self._items.pop()
        if last is not issue:
            self._items[position] = last
            self._position[last.issue_id] = position
        self._left.append(issue)

    def pick(self, recent_share: float, mean_rank: float) -> Issue | None:
        """Draw an issue: with `recent_share` one that entered lately, else any; None when empty."""
        if not self._items:
            return None
        if self.rng.random() < recent_share:
            recent = self._draw_from_end(self._entered, mean_rank)
            if recent is not None and recent.issue_id in self._position:
                return recent
        return self._items[self.rng.randrange(len(self._items))]

    def pick_left(self) -> Issue | None:
        """Draw one of the issues that left lately."""
        return self._draw_from_end(self._left, 40.0)

    def oldest(self, count: int) -> list[Issue]:
        """The issues that were created first."""
        return sorted(self._items, key=lambda issue: (issue.created_at, issue.issue_id))[:count]

    def _draw_from_end(self, issues: list[Issue], mean_rank: float) -> Issue | None:
        rank = int(self.rng.expovariate(1 / mean_rank))
        return issues[-1 - rank] if rank < len(issues) else None
