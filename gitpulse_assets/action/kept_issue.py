"""The one issue that tells the verdict and is kept up to date: found in the lake, where every issue is.

It is known by a mark in its text, and only where somebody wrote it who may write issues here: anyone can
open an issue with the mark, and its text is not to be replaced. An App writes only where it was installed.
"""

import pyarrow.compute as pc

from gitpulse_assets.contracts import silver
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo

MARK = "<!-- gitpulse: the issue backlog's verdict -->"
WRITERS = ("OWNER", "MEMBER", "COLLABORATOR")
COLUMNS = ["issue_id", "issue_number"]


def kept_number(lake: Lake, repo: Repo) -> int | None:
    """The number of the open issue that is kept, the oldest of several; None where there is none."""
    is_ours = (pc.field("author_type") == "Bot") | pc.field("author_association").isin(WRITERS)
    is_open = (pc.field("state") == "open") & pc.field("departed_at").is_null()
    chosen = is_ours & is_open & ~pc.field("is_pull_request")
    issues = lake.dataset(silver.ISSUE_CURRENT, repo).to_table(columns=COLUMNS, filter=chosen).to_pylist()
    ids = pc.field("issue_id").isin([row["issue_id"] for row in issues])
    bodies = lake.dataset(silver.ISSUE_BODY, repo).to_table(columns=["issue_id", "body"], filter=ids)
    marked = {row["issue_id"] for row in bodies.to_pylist() if MARK in (row["body"] or "")}
    return min((row["issue_number"] for row in issues if row["issue_id"] in marked), default=None)
