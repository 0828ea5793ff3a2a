"""What of the watch list fits nothing that is known of a repository: said before GitHub is asked anything."""

from collections.abc import Iterator

from gitpulse_assets.contracts.contributors import LABEL_SPAN
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.members.state import known_members
from gitpulse_assets.pipeline.marts import HAS_CONVERSATIONS
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.contributors import unfit_patterns, unfit_words
from gitpulse_assets.watch.watch_list import RepoOptions


def wrong_input(lake: Lake, repo: Repo, options: RepoOptions) -> Iterator[str]:
    """Yield a line for each waiting label that fits none, and for members that could not be read last.

    Nothing where conversations are not collected. Raises LakeError.
    """
    yield from unfit_lines(lake, repo, options)
    if HAS_CONVERSATIONS and (trouble := known_members(lake.store, Organization(repo.owner)).load().trouble):
        yield trouble


def unfit_lines(lake: Lake, repo: Repo, options: RepoOptions) -> Iterator[str]:
    """Yield a line for each waiting label of the watch list that fits none that is known."""
    if not HAS_CONVERSATIONS:
        return
    names = lake.dataset(LABEL_SPAN, repo).to_table(columns=["label_name"])["label_name"].unique()
    known = [name for name in names.to_pylist() if name is not None]
    for pattern in unfit_patterns(known, options.waiting_labels) if known else ():
        yield unfit_words(repo.key, pattern)
