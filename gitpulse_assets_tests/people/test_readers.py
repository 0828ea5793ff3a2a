"""What other ways of reading say of conversations: views, Metabase's cards, the command line."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from gitpulse_assets.answers.members import PUBLIC_ONLY
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.answers.waiting import Waiting
from gitpulse_assets.bi.duckdb_views import duckdb_views
from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.cli import cli
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.s3_options import S3Options
from gitpulse_assets.metabase.cards import CARDS, CONVERSATION_CARDS, TAG
from gitpulse_assets_tests.people.lakes import ROCKET, SILENT

OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


@pytest.fixture(scope="module")
def con(people_lake: Lake, people_folder: Path):
    with duckdb.connect() as made:
        made.execute(duckdb_views(people_lake, str(people_folder), S3Options(), with_comments=False))
        yield made


def run(con: duckdb.DuckDBPyConnection, file: str, repository: str = ROCKET.key) -> list[dict[str, Any]]:
    (sql,) = [card.sql for card in CONVERSATION_CARDS if card.file == file]
    text = OPTIONAL.sub("", sql)
    given = {"repository": repository, "window_days": 45}
    bound = {name: given[name] for name in set(TAG.findall(text))}
    return con.sql(TAG.sub(r"$\1", text), params=bound).to_arrow_table().to_pylist()


def test_there_is_a_view_of_every_mart(con: duckdb.DuckDBPyConnection):
    for mart in marts_of(CONTRIBUTORS):
        con.sql(f"from {mart.contract.view_name} limit 1").fetchall()


def test_the_cards_say_what_the_answers_do(con: duckdb.DuckDBPyConnection, asked: RepositoryAnswers):
    waiting: Waiting = asked.waiting()
    assert run(con, "overdue") == [{"overdue": waiting.overdue_count}]
    assert run(con, "pending") == [{"pending": waiting.pending_count}]
    rows = run(con, "who_waits")
    assert len(rows) == waiting.waiting_count
    assert [row["issue_number"] for row in rows[:3]] == [row["issue_number"] for row in waiting.overdue]
    assert all(row["html_url"] for row in rows)
    assert len(run(con, "open_pull_requests")) == 45
    assert len(run(con, "active_people")) == 2
    assert run(con, "trending")


@pytest.mark.parametrize("card", CONVERSATION_CARDS, ids=lambda card: card.file)
def test_a_card_is_on_the_dashboard_and_bears_any_repository(con: duckdb.DuckDBPyConnection, card):
    assert card in CARDS
    for repository in (SILENT.key, "no/such", "x'; drop view gold_mart_follow_up; --"):
        run(con, card.file, repository)


def test_the_cards_do_not_overlap():
    taken = [
        (column, row)
        for card in CARDS
        for column in range(card.place[0], card.place[0] + card.size[0])
        for row in range(card.place[1], card.place[1] + card.size[1])
    ]
    assert len(taken) == len(set(taken))


def test_the_command_line_names_who_waits(
    people_folder: Path, tmp_path: Path, asked: RepositoryAnswers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITPULSE_LAKE_URL", str(people_folder))
    told = CliRunner().invoke(cli, ["verdict", str(ROCKET), "--window", "28"])
    assert told.exit_code == 0, told.output
    assert (
        f"Where to act first: {asked.waiting().said}\nNot known: {PUBLIC_ONLY.format('acme')}." in told.output
    )
