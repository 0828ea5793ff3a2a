"""Makes a large silver as Parquet, or gold from it, in a process of its own: peak memory is that step's.

Usage: measure_gold.py generate|build FOLDER ISSUE_COUNT; `build` prints seconds, peak bytes and rows as JSON.
"""

import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.dataset as ds

from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.transform.gold import INPUTS, GoldParameters, build_gold

DAY_COUNT = 3650
START = datetime(2014, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=DAY_COUNT)

# Issue i is created evenly over ten years; its ten transitions follow in steps that depend on hash(i), so
# that ages spread from minutes to weeks. What would lie past the as-of moment has not happened.
ISSUE = """
    select i + 10 as issue_id, i + 1 as issue_number,
        $start::timestamptz + to_seconds((i * $day_count * 86400.0 / $issue_count)::bigint) as created_at,
        pow(2, 4 + (hash(i) % 1000) / 60.0) as step_seconds
    from range($issue_count) as issues (i)
"""
STATEMENTS = {
    "repository": "select 1::bigint as repository_id, 'acme/rocket' as repository_full_name",
    "issue_transitions": """
        select issue_id, issue_number, n as transition_number,
            created_at + to_seconds((step_seconds * (n - 1))::bigint) as transitioned_at,
            case when n = 1 then 'opened' when n % 2 = 0 then 'closed' else 'reopened' end as kind,
            if(n % 2 = 1, 1, -1) as delta, 'user' || issue_id % 5000 as actor_login, 'User' as actor_type,
            'event' as known_by
        from issue cross join range(1, 11) as numbers (n)
        where transitioned_at <= $start::timestamptz + to_days($day_count)
    """,
    "issue_current": """
        select issue_id, issue_number, 'I_' || issue_id as issue_node_id, created_at, last_at as updated_at,
            'A title of the usual length, number ' || issue_id as title,
            if(stock = 1, 'open', 'closed') as state, false as is_pull_request, false as is_locked,
            issue_id % 5000 as author_id, 'user' || issue_id % 5000 as author_login,
            'User' as author_type,
            1 as assignee_count, 3 as comment_count, 'https://example.org/' || issue_id as html_url,
            if(stock = 0, last_at, null) as closed_at, 'run' as run_id,
            1 as page_number, last_at as fetched_at
        from issue
        join (
            select issue_id, sum(delta) as stock, max(transitioned_at) as last_at
            from issue_transitions group by issue_id
        ) using (issue_id)
    """,
    "issue_labels": """
        select issue_id, issue_number, n + 1 as label_id, 'label ' || n as label_name
        from issue_current cross join range(3) as numbers (k),
            lateral (select (issue_id * 7 + k * 31) % 200 as n)
    """,
    "issue_assignees": """
        select issue_id, issue_number, author_id as user_id, author_login as user_login from issue_current
    """,
}


def typed_columns(contract: TableContract, present: list[str]) -> str:
    """A select list of the contract's columns in its types, null where the statement makes none."""
    types = {"int64": "bigint", "int32": "integer", "bool": "boolean", "string": "varchar"}
    constants = {"repo_owner": "'acme'", "repo_name": "'rocket'"}
    return ", ".join(
        f"{constants.get(c.name) or (c.name if c.name in present else 'null')}"
        f"::{types.get(str(c.type), 'varchar[]' if 'list' in str(c.type) else 'timestamptz')} as {c.name}"
        for c in contract.columns
    )


def generate(folder: Path, issue_count: int) -> None:
    con = connect()
    parameters = {"start": START, "day_count": DAY_COUNT, "issue_count": issue_count}
    con.execute(f"create temp table issue as {ISSUE}", parameters)
    contracts = {contract.name: contract for contract in INPUTS}
    for name, statement in STATEMENTS.items():
        used = {key: value for key, value in parameters.items() if f"${key}" in statement}
        con.execute(f"create temp table made as {statement}", used or None)
        present = [row[0] for row in con.execute("describe made").fetchall()]
        con.execute(f"create temp table {name} as select {typed_columns(contracts[name], present)} from made")
        con.execute("drop table made")
        con.execute(f"copy {name} to '{folder / name}.parquet'")


def build(folder: Path) -> None:
    con = connect()
    inputs = {contract.name: ds.dataset(folder / f"{contract.name}.parquet") for contract in INPUTS}
    started = time.monotonic()
    names = build_gold(con, inputs, GoldParameters(AS_OF))
    seconds = time.monotonic() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows = {name: con.sql(f"select count(*) from {name}").fetchall()[0][0] for name in names}
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes, "rows": rows}))


if __name__ == "__main__":
    if sys.argv[1] == "generate":
        generate(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        build(Path(sys.argv[2]))
