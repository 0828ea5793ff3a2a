"""`gitpulse verdict`: the answer of `mart_backlog_verdict` as words or JSON, as of now or of a past day."""

import datetime as dt
import json
import sys
from typing import Any

import pyarrow as pa

from gitpulse_assets.contracts.gold import MART_ISSUE_DAILY_FLOW, MART_ISSUE_LIFECYCLE
from gitpulse_assets.contracts.silver import ISSUE_TRANSITIONS
from gitpulse_assets.contracts.verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.exit_codes import DONE, FAILED
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import open_lake
from gitpulse_assets.settings import Settings
from gitpulse_assets.transform.verdict_table import build_verdicts


def print_verdict(
    settings: Settings, repo: Repo, as_of: dt.date | None, window_days: int | None, *, as_json: bool
) -> int:
    """Print the verdict of one window, or of all; return the exit code."""
    try:
        rows = verdict_rows(open_lake(settings), repo, as_of)
    except LakeError as error:
        print(f"gitpulse: {error}", file=sys.stderr)
        return FAILED
    chosen = [row for row in rows if window_days in (None, row["window_days"])]
    if not chosen:
        print(
            f"gitpulse: nothing is known of {repo}{since(as_of)}; run gitpulse refresh {repo}",
            file=sys.stderr,
        )
        return FAILED
    print(json.dumps(chosen, indent=2, default=str) if as_json else words(repo, chosen))
    return DONE


def since(as_of: dt.date | None) -> str:
    return "" if as_of is None else f" as of {as_of}"


def words(repo: Repo, rows: list[dict[str, Any]]) -> str:
    heads = [
        f"{repo}, {row['window_days']} days: {row['direction'].upper()}\n{row['paragraph']}" for row in rows
    ]
    return "\n\n".join(heads) + "\n"


def verdict_rows(lake: Lake, repo: Repo, as_of: dt.date | None) -> list[dict[str, Any]]:
    """Read the published verdicts, or compute those whose windows end on a past day."""
    if as_of is None:
        return lake.dataset(MART_BACKLOG_VERDICT, repo).to_table().to_pylist()
    return past_verdicts(lake, repo, as_of).to_pylist()


def past_verdicts(lake: Lake, repo: Repo, as_of: dt.date) -> pa.Table:
    # The window ends with the last complete day, which is the day before the moment it is told.
    moment = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), dt.UTC)
    with connect() as con:
        for table in (MART_ISSUE_DAILY_FLOW, MART_ISSUE_LIFECYCLE, ISSUE_TRANSITIONS):
            con.register(table.name, lake.dataset(table, repo))
        return build_verdicts(con, moment)
