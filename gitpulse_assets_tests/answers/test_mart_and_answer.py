"""Every figure that a mart and an answer both give, where a label was renamed on some of its issues only."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import IssueFilter, RepositoryAnswers
from gitpulse_assets.answers.window import Window
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.contracts import silver
from gitpulse_assets.contracts.mart import FLOW_NAMES, Mart
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_by_label import MART_BACKLOG_BY_LABEL
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.marts.issue_lifecycle import MART_ISSUE_LIFECYCLE
from gitpulse_assets_tests.answer_lakes import ROCKET, generated_world, sync

Rows = list[dict[str, Any]]

OLD, NEW = "performance", "area: speed"
# What a mart answers has its own columns, but for those that declare others.
SAME_COLUMNS = [mart for mart in MARTS if mart.answer and not mart.answer.columns]


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake as of a midnight, so that the windows of marts and answers end together.

    A label has a new name, with which one of its issues was read and the others were not.
    """
    folder: Path = tmp_path_factory.mktemp("renamed")
    world, lake = generated_world(120, 190), Lake.open(str(folder))
    sync(lake, world, ROCKET, folder)
    acts = world.acts_on(ROCKET.key)
    label = next(label for label in acts.repository.labels if label.name == OLD)
    labelled = [issue for issue in acts.repository.issues.values() if label in issue.labels]
    acts.rename_label(label, NEW)
    acts.comment(labelled[0], world.clock)
    world.advance(seconds=86_400 - world.clock % 86_400)
    sync(lake, world, ROCKET, folder)
    stored = set(lake.dataset(silver.ISSUE_LABELS, ROCKET).to_table()["label_name"].to_pylist())
    assert {OLD, NEW} <= stored
    return lake


@pytest.fixture(scope="module")
def asked(renamed: Lake) -> Iterator[RepositoryAnswers]:
    answers = LakeAnswers(renamed)
    yield answers.ask(ROCKET, lambda of: of)
    answers.close()


@pytest.fixture(scope="module")
def mart(renamed: Lake) -> Callable[[TableContract], Rows]:
    """The published rows of a mart, without the repository."""
    return lambda contract: (
        renamed.dataset(contract, ROCKET).to_table().drop_columns(["repo_owner", "repo_name"]).to_pylist()
    )


@pytest.mark.parametrize("declared", SAME_COLUMNS, ids=lambda mart: mart.name)
def test_an_answer_over_all_days_is_the_mart(asked, mart, declared: Mart):
    key = [name for name in declared.contract.key if not name.startswith("repo_")]

    def in_order(rows: Rows) -> Rows:
        return sorted(rows, key=lambda row: [row[name] for name in key])

    answered = in_order(asked.mart(declared, asked.window("all")).to_pylist())
    rows = in_order(mart(declared.contract))
    assert len(answered) > 1
    # The day or month of the as-of moment has only just begun.
    begun = 1 if any(name.endswith(("_date", "_month")) and len(key) == 1 for name in key) else 0
    assert answered in (rows, rows[: len(rows) - begun])


def test_of_every_other_answer_there_is_a_test_here():
    others = [mart.contract for mart in MARTS if mart.answer and mart.answer.columns]
    assert others == [MART_BACKLOG_BY_LABEL]


@pytest.mark.parametrize("days", [28, 90])
def test_labels_are_the_marts(asked, mart, days):
    names = ("label_name", "open_issue_count", "share_of_open")
    flows = {f"{kind}_{days}d_count": f"{kind}_count" for kind in ("opened", "closed")}
    flows[f"net_change_{days}d"] = "net_change"
    told = asked.labels(asked.window(days)).to_pylist()
    made = [
        {name: row[name] for name in names} | {flow: row[name] for name, flow in flows.items()}
        for row in mart(MART_BACKLOG_BY_LABEL)
    ]
    by_name = {row["label_name"]: row for row in made}
    assert [by_name[row["label_name"]] for row in told] == told
    quiet = by_name.keys() - {row["label_name"] for row in told}
    assert not any(by_name[name]["open_issue_count"] or by_name[name]["net_change"] for name in quiet)
    assert NEW in by_name
    assert OLD not in by_name


@pytest.mark.parametrize("days", [28, 90, 180])
def test_the_verdict_asked_for_is_the_published_one(asked, mart, days):
    row = next(row for row in mart(MART_BACKLOG_VERDICT) if row["window_days"] == days)
    unpublished = RepositoryAnswers(replace(asked.published, verdicts=[]), connect(), ResultCache(1))
    window = Window(row["window_start_date"], row["window_end_date"])
    told = unpublished.verdict(window)
    assert {name: told[name] for name in row} == row
    labels = {row["label_name"]: row["net_change"] for row in asked.labels(window).to_pylist()}
    for change in row["label_changes"]:
        assert labels[change["label_name"]] == change["net_change"]


@pytest.mark.parametrize("days", [28, 90, 180])
def test_the_summary_sums_as_the_verdict(asked, mart, days):
    verdict = next(row for row in mart(MART_BACKLOG_VERDICT) if row["window_days"] == days)
    summary = asked.header(asked.window(days))
    same = ("observed_days", "net_change", "open_at_start", "open_at_end", *FLOW_NAMES)
    assert {name: summary[name] for name in same} == {name: verdict[name] for name in same}
    last = mart(MART_ISSUE_DAILY_FLOW)[-2]
    for name in ("open_at_end", "rolling_7d_opened", "rolling_7d_closed", "rolling_7d_net_change"):
        assert summary[name] == last[name]


def test_issues_are_the_lifecycles(asked, mart):
    issues = asked.issues(IssueFilter(limit=1_000)).rows.to_pylist()
    rows = {row["issue_number"]: row for row in mart(MART_ISSUE_LIFECYCLE)}
    assert len(issues) == len(rows)
    same = set(issues[0]) & set(rows[issues[0]["issue_number"]]) - {"state"}
    for issue in issues:
        assert {name: issue[name] for name in same} == {
            name: rows[issue["issue_number"]][name] for name in same
        }
    assert any(NEW in issue["label_names"] for issue in issues)
