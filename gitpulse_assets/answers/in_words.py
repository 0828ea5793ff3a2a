"""A verdict's paragraph taken apart, for whoever shows it with other means than Markdown.

How it is worded stands in `transform/verdict_text.py`.
"""

from collections.abc import Mapping
from typing import Any

from gitpulse_assets.transform.verdict_text import headline, opening, told_after


def in_words(row: Mapping[str, Any], scope: str = "") -> dict[str, Any]:
    """Return a row of `mart_backlog_verdict` with its answer in plain words beside the columns.

    `headline` is the answer in one sentence, `opening` what the paragraph begins with (whose backlog, which
    window, which way), `explanation` the paragraph's rest. `scope` as it was given to `build_verdicts`.
    """
    begun = opening(row, scope)
    return {
        **row,
        "headline": headline(row["direction"], row["unknowns"]),
        "opening": begun,
        "explanation": told_after(begun, row["paragraph"]),
    }
