"""What of the watch list fits nothing that is known of a repository: said before GitHub is asked anything."""

from collections.abc import Iterator, Mapping

from gitpulse_assets.contracts.contributors import LABEL_SPAN
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.errors import GitHubError
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.state import known_members
from gitpulse_assets.pipeline.marts import HAS_CONVERSATIONS
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.contributors import is_written, unfit_patterns, unfit_words, unseen_words
from gitpulse_assets.watch.watch_list import RepoOptions


def wrong_input(lake: Lake, watched: Mapping[Repo, RepoOptions]) -> Iterator[str]:
    """Yield a line for each waiting label that fits none, and for members that could not be read last.

    What of a repository or an owner cannot be read in the lake is a line too, and hides none of the others.
    Nothing where conversations are not collected.
    """
    if not HAS_CONVERSATIONS:
        return
    for repo, options in watched.items():
        yield from or_why_not(unfit_lines(lake, repo, options))
    for owner in sorted({repo.owner for repo in watched}):
        yield from or_why_not(member_troubles(lake, owner))


def or_why_not(lines: Iterator[str]) -> Iterator[str]:
    """The lines, and what the lake refused of what they are told from."""
    try:
        yield from lines
    except LakeError as error:
        yield str(error)


def member_troubles(lake: Lake, owner: str) -> Iterator[str]:
    """Yield why an organisation's members could not be read last; raises LakeError."""
    if trouble := known_members(lake.store, Organization(owner)).load().trouble:
        yield trouble


def unfit_lines(lake: Lake, repo: Repo, options: RepoOptions) -> Iterator[str]:
    """Yield a line for each waiting label of the watch list that fits none collected; raises LakeError."""
    if known := collected_labels(lake, repo, options):
        for pattern in unfit_patterns(known, options.waiting_labels):
            yield unseen_words(repo.key, pattern)


def unfit_lines_at_github(
    client: GitHubClient, lake: Lake, repo: Repo, options: RepoOptions
) -> Iterator[str]:
    """Yield a line for each waiting label of the watch list that fits none collected and none at GitHub.

    GitHub is asked (1 request for 100 labels) only where somebody wrote a pattern that fits none collected.
    What it refuses is for the walk to say. Raises LakeError.
    """
    known = collected_labels(lake, repo, options)
    if not HAS_CONVERSATIONS or not unfit_patterns(known, options.waiting_labels):
        return
    try:
        known += client.label_names(repo)
    except GitHubError:
        return
    for pattern in unfit_patterns(known, options.waiting_labels):
        yield unfit_words(repo.key, pattern)


def collected_labels(lake: Lake, repo: Repo, options: RepoOptions) -> list[str]:
    """The names of labels that are or were on something collected; none where no pattern was written."""
    if not HAS_CONVERSATIONS or not is_written(options.waiting_labels):
        return []
    with lake.reading(repo):
        names = lake.dataset(LABEL_SPAN, repo).to_table(columns=["label_name"])["label_name"].unique()
    return [name for name in names.to_pylist() if name is not None]
