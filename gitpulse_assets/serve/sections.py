"""What a repository's pages are called and where they are; all but one where their subject is chosen."""

from collections.abc import Sequence

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects

BACKLOG, PULL_REQUESTS, RESPONSIVENESS, CONTRIBUTORS_PAGE = (
    "",
    "pull-requests",
    "responsiveness",
    "contributors",
)
TITLES = {
    BACKLOG: "Backlog",
    RESPONSIVENESS: "Responsiveness",
    PULL_REQUESTS: "Pull requests",
    CONTRIBUTORS_PAGE: "Contributors",
}


def sections(root: str, link: str, current: str) -> Sequence[tuple[str, str, bool]]:
    """The pages of a repository as (address, title, whether it is this one); none where there is one only."""
    if CONTRIBUTORS not in chosen_subjects():
        return ()
    return [(f"{root}/{path}{link}", title, path == current) for path, title in TITLES.items()]
