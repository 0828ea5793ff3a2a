"""Holds `mart_issue_transfer` of repositories that share a lake against where their issues really went."""

from collections.abc import Iterable, Iterator, Sequence

from gitpulse_assets.contracts.silver import ISSUE_CURRENT
from gitpulse_assets.sandbox.model import Issue
from gitpulse_assets_tests.history.product import Reader
from gitpulse_assets_tests.history.verdicts import Verdict


def judge_links(reader: Reader, readers: Sequence[Reader]) -> Verdict:
    """Compare one repository's links with the other repositories of the lake, of the issues that tables hold.

    Not asked for is what moved on from where it went: where it was found depends on when it was missed. No
    link may be there that no move made.
    """
    known = {issue_id for one in readers for issue_id in issue_ids(one)}
    served = {one.repo.key: one.world.acts_on(one.repo.key).repository for one in readers}
    own = served[reader.repo.key]
    others = [repository for repository in served.values() if repository is not own]
    expected = {
        ("in", there.issue_id): here.issue_id
        for other in others
        for here, there in moves(other.departed.values(), own)
    } | {
        ("out", here.issue_id): there.issue_id
        for other in others
        for here, there in moves(own.departed.values(), other)
    }
    expected = {
        place: other_id for place, other_id in expected.items() if place[1] in known and other_id in known
    }
    found = {(str(row["direction"]), row["issue_id"]): row["other_issue_id"] for row in reader.transfers()}
    mistakes = [
        f"{reader.repo}: id {issue_id} ({direction}) is linked with {found.get((direction, issue_id))}, "
        f"not with {other_id}"
        for (direction, issue_id), other_id in expected.items()
        if found.get((direction, issue_id)) != other_id
    ]
    made = {pair for repository in served.values() for pair in stations(repository.departed.values())}
    mistakes += [
        f"{reader.repo}: id {issue_id} ({direction}) is linked with {other_id}, but never moved"
        for (direction, issue_id), other_id in found.items()
        if other_id is not None
        and ((other_id, issue_id) if direction == "in" else (issue_id, other_id)) not in made
    ]
    return Verdict(links=len(expected), mistakes=mistakes)


def stations(departed: Iterable[Issue]) -> Iterator[tuple[int, int]]:
    """The ids of an issue before and after it moved, be it once or several times."""
    for issue in departed:
        there = issue.moved_to
        while there is not None:
            yield issue.issue_id, there.issue_id
            there = there.moved_to


def moves(departed: Iterable[Issue], target: object) -> list[tuple[Issue, Issue]]:
    """The issues that are now in a repository, each as it was before and as it is there."""
    return [
        (issue, issue.moved_to)
        for issue in departed
        if not issue.is_pull_request
        and issue.moved_to is not None
        and issue.moved_to.repository is target
        and issue.moved_to.departure is None
    ]


def issue_ids(reader: Reader) -> list[int]:
    stored = reader.lake.dataset(ISSUE_CURRENT, reader.repo).to_table(columns=["issue_id"])
    return stored["issue_id"].to_pylist()
