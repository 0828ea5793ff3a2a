"""What a file of metrics may say, and the line that is told where it is wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gitpulse_assets.metrics.catalogue import all_metrics, read_metrics, shipped_metrics
from gitpulse_assets.settings import SettingsError

Write = Callable[..., Path]

RIGHT = """\
- id: forks
  name: Forks
  description: Forks made.
  visualisation: bar
  unit: forks
  window: hours
  parameters:
    - {name: hours, type: integer, unit: hours, min: 1, max: 48, default: 24, meaning: Hours back.}
    - {name: at_least, type: integer, min: 1, default: 1, meaning: Forks at least.}
  sql: >-
    select repository_name, count(*) as fork_count from silver_github_public_fork
    group by repository_name having count(*) >= $at_least
"""
SQL = re.compile(r"  sql: >-\n.*", re.DOTALL)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file with the right metric, something in it replaced, or with other SQL."""

    def write(old: str = "", new: str = "", *, sql: str | None = None) -> Path:
        assert old in RIGHT
        text = RIGHT.replace(old, new) if old else RIGHT
        path = tmp_path / "own.yaml"
        path.write_text(SQL.sub(lambda _: f"  sql: {sql!r}\n", text) if sql else text)
        return path

    return write


def refusal(path: Path, taken: frozenset[str] = frozenset()) -> str:
    with pytest.raises(SettingsError) as error:
        read_metrics(path, taken)
    return str(error.value)


def test_a_right_file_is_taken(write: Write):
    (metric,) = read_metrics(write())
    assert [column.name for column in metric.columns] == ["repository_name", "fork_count"]
    assert metric.event_types == {"ForkEvent"}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("id: forks", "id: Forks!", 1, "cannot name a metric"),
        ("visualisation: bar", "visualisation: pie", 4, "visualisation"),
        ("visualisation: bar", "visualisation: line", 4, "first column of a line must be a time"),
        ("visualisation: bar", "visualisation: value", 4, "one column with one number"),
        ("unit: forks", "colour: red", 5, "colour"),
        ("min: 1, max: 48, ", "", 6, "no time is shorter than nothing"),
        ("window: hours", "window: at_least", 6, "name the parameter that says how long ago"),
        ("  window: hours\n", "", 1, "name the parameter that says how long ago"),
        ("type: integer, unit: hours", "type: whole, unit: hours", 8, "type"),
        ("min: 1, max: 48", "min: 90, max: 48", 8, "min is above its max"),
        ("default: 24", "default: 240", 8, "its default does not fit"),
        ("default: 24", "default: many", 8, "its default does not fit"),
        ("name: at_least", "name: format", 9, "cannot name a parameter"),
        ("name: at_least", "name: hours", 9, "declared twice"),
        ("name: at_least", "name: at_most", 10, "$at_least is not among the parameters"),
        (">= $at_least", ">= 2", 9, "at_least is not used"),
        (">= $at_least", ">= $asked_repository_id", 10, "$asked_repository_id is not among the parameters"),
        ("name: at_least", "name: asked_repository_id", 9, "cannot name a parameter"),
        ("silver_github_public_fork", "silver_github_public_spoon", 10, "is no published view"),
        ("count(*) as", "sum(1::hugeint) as", 10, "cast it to bigint"),
        ("count(*) as", "counted(1) as", 10, "DB cannot compute it"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write: Write, old: str, new: str, line: int, words: str):
    told = refusal(write(old, new))
    assert re.search(rf"own\.yaml:{line}: ", told), told
    assert words in told


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as a, 2 as b",
        "select 1; select 2",
        "drop table silver_github_public_fork",
        "delete from silver_github_public_fork",
        "copy silver_github_public_fork to '/tmp/x'",
        "select content, size from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_parquet('x/*.parquet')",
        "select name, value from duckdb_settings()",
        "select * from information_schema.tables",
        "select * from query('select 1')",
        "select * from query_table('silver_github_public_fork')",
        "select repository_name, event_id from stored_public_fork",
        "select repository_name, (select count(*) from glob('/*')) from silver_github_public_fork",
        "attach '/tmp/x.db'",
        "select $at_least from silver_github_public_fork where",
    ],
)
def test_case_29_nothing_but_one_select_over_published_views_is_taken(write: Write, sql: str):
    assert "own.yaml:10: [0].sql: " in refusal(write(sql=sql))


def test_ids_are_unique_over_both_files(write: Write):
    assert "cannot name a metric" in refusal(write(), frozenset({"forks"}))
    path = write()
    path.write_text(path.read_text() * 2)
    assert "own.yaml:13: [1].id" in refusal(path)


def test_a_user_s_own_file_cannot_break_the_shipped_ones(write: Write, tmp_path: Path):
    shipped = shipped_metrics()
    for path in (write("id: forks", "id: avg_pr_time"), tmp_path / "none.yaml"):
        metrics, trouble = all_metrics(path)
        assert metrics == shipped
        assert trouble
    metrics, trouble = all_metrics(write())
    assert [metric.id for metric in metrics] == [*(metric.id for metric in shipped), "forks"]
    assert trouble is None


def test_every_shipped_metric_says_what_it_counts():
    for metric in shipped_metrics():
        assert metric.entry.description.endswith("."), metric.id
        assert all(one.meaning.endswith(".") for one in metric.entry.parameters), metric.id
