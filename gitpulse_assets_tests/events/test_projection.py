"""Event types with a table of their own, and the file that says so."""

import json

import pyarrow as pa
import pytest

from gitpulse_assets.events.projection import SHIPPED, projections
from gitpulse_assets.settings import SettingsError

PULL = next(one for one in projections() if one.event_type == "PullRequestEvent")
FULL = {"pull_request": {"merged": True, "title": "x"}}
UNMERGED = {"pull_request": {"merged": False}}
STUB = {"pull_request": {"id": 5, "number": 3}}


@pytest.mark.parametrize(
    ("at", "action", "payload", "is_merged"),
    [
        ("2021-05-01", "closed", FULL, True),
        ("2021-05-01", "closed", UNMERGED, False),
        ("2021-05-01", "opened", UNMERGED, False),
        ("2024-11-01", "closed", STUB, None),
        ("2025-10-07", "closed", STUB, None),
        ("2025-11-30T23:59:59", "closed", STUB, None),
        ("2025-12-01", "closed", STUB, False),
        ("2025-12-20", "merged", STUB, True),
        ("2025-12-20", "reopened", STUB, False),
    ],
)
def test_case_20_whether_a_pull_request_was_merged_is_decided_row_by_row(con, at, action, payload, is_merged):
    sent = pa.table(
        {
            "event_id": [1],
            "event_type": ["PullRequestEvent"],
            "created_at": [at],
            "payload_json": [json.dumps({"action": action, "number": 3, **payload})],
        }
    )
    con.register("sent_row", sent)
    relation = (
        "(select event_id, event_type, created_at::timestamptz as created_at, 1::bigint as actor_id, "
        "'ada' as actor_login, 2::bigint as repository_id, 'a/b' as repository_name, payload_json "
        "from sent_row)"
    )
    row = con.sql(PULL.select(relation)).to_arrow_table().to_pylist()[0]
    assert (row["action"], row["is_merged"], row["pull_request_number"]) == (action, is_merged, 3)
    assert tuple(row) == PULL.contract.column_names


def test_the_shipped_file_makes_the_nine_tables():
    assert [one.contract.name for one in projections()] == [
        "public_watch",
        "public_pull_request",
        "public_issue",
        "public_issue_comment",
        "public_review",
        "public_push",
        "public_release",
        "public_fork",
        "public_create",
    ]
    assert SHIPPED.read_text("utf-8").count("path: pull_request.state") == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "WatchEvent:\n  table: stars\n  meaning: x\n  columns: []\n",
            ":2: WatchEvent.table: 'stars' cannot name",
        ),
        ("Watch:\n  table: public_a\n  meaning: x\n  columns: []\n", ":1: Watch: this is no event type"),
        (
            "WatchEvent:\n  table: public_a\n  meaning: x\n  columns:\n"
            "    - {name: a, type: text, meaning: x}\n",
            ":5: WatchEvent.columns[0]: say either a path or an expression",
        ),
        (
            "WatchEvent:\n  table: public_a\n  meaning: x\n  columns:\n"
            "    - {name: a, type: text, meaning: x, path: a'b}\n",
            ':5: WatchEvent.columns[0].path: "a\'b" is no path',
        ),
        (
            "WatchEvent:\n  table: public_a\n  meaning: x\n  columns:\n"
            "    - {name: a, type: text, meaning: x, expression: nothing + 1}\n",
            ":1: WatchEvent: duckDB cannot compute",
        ),
        (
            "WatchEvent:\n  table: public_a\n  meaning: x\n  colums: []\n",
            ":1: WatchEvent.columns: field required",
        ),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, line: str, tmp_path):
    path = tmp_path / "types.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        projections(path)
    assert f"{path}{line}" in str(raised.value)
