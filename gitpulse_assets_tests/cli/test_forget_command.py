"""A repository leaves no object, run or partition behind; a person no login, id or text."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.silver import ISSUE_BODY, ISSUE_CURRENT
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.hour_name import file_name
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets.upkeep.forgetting import objects_of
from gitpulse_assets.upkeep.persons import (
    Traces,
    forget_person,
    has_match,
    naming,
    out_of_row,
    repos_naming,
    set_titles,
    strings_of,
    without_person,
)
from gitpulse_assets.watch.state import Sight, Sights, sights
from gitpulse_assets_tests.events.hours import START, event, packed

REPO = Repo("acme", "rocket")


def rows(home: Path, contract) -> list[dict]:
    return Lake.open(str(home / ".gitpulse" / "lake")).dataset(contract, REPO).to_table().to_pylist()


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every object with all that stands in it."""
    for path in folder.rglob("*.parquet"):
        found = json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str)
        yield str(path), found.replace('\\"', '"')
    for path in folder.rglob("*.html"):
        yield str(path), path.read_text()


def bring_event_of(login: str, lake: Lake, home: Path) -> None:
    """Have an archive bring a star that the person gave."""
    folder = home.parent / "archive"
    folder.mkdir()
    (folder / file_name(START)).write_bytes(packed([event(1, START, "WatchEvent", login=login)]))
    with connect() as con, Fetcher() as fetcher:
        archives = parse_archives(f"a={folder}")
        Backfill(lake, con, fetcher, projections()).days(archives, START.date(), START.date())


def test_a_person_and_then_the_repository_are_forgotten(stored_gitpulse, first_refresh, home: Path):
    gitpulse = stored_gitpulse
    shutil.copytree(first_refresh.home / ".gitpulse", home / ".gitpulse")
    lake = home / ".gitpulse" / "lake"
    before = rows(home, ISSUE_CURRENT)
    flow = rows(home, MART_ISSUE_DAILY_FLOW)
    login = next(row["author_login"] for row in before if row["author_type"] == "User")
    wrote = {row["issue_id"] for row in before if row["author_login"] == login}

    bring_event_of(login, Lake.open(str(lake)), home)
    assert gitpulse("forget", "--person", login).exit_code == 1
    # As a call left it that was killed before it made the tables anew, with a look's body kept under an App.
    opened = Lake.open(str(lake))
    assert list(forget_person(opened, login)) == [REPO]
    assert repos_naming(opened, login) == {REPO}
    newest = {REPO.key: b"{}", "a/named": f'["{login}"]'.encode(), "a/other": b"{}"}
    looks = sights(opened.store)
    looks.load()
    looks.save(Sights({key: Sight("etag", body) for key, body in newest.items()}))
    result = gitpulse("forget", "--person", login.upper(), "--yes")
    assert result.exit_code == 0, result.output
    assert repos_naming(opened, login) == set()
    kept = {key: sight.body for key, sight in looks.load().sights.items()}
    assert kept == {REPO.key: None, "a/named": None, "a/other": b"{}"}
    after = rows(home, ISSUE_CURRENT)
    assert {row["author_login"] for row in after if row["issue_id"] in wrote} == {"ghost"}
    assert {row["title"] for row in after if row["issue_id"] in wrote} == {"[forgotten]"}
    assert {row["body"] for row in rows(home, ISSUE_BODY) if row["issue_id"] in wrote} == {None}
    assert [name for name, text in texts(lake) if f'"{login}"' in text] == []
    assert rows(home, MART_ISSUE_DAILY_FLOW) == flow
    assert "1 public events and 1 hour files rewritten" in result.output
    again = gitpulse("forget", "--person", login, "--yes").output
    assert "0 records" in again
    assert "0 public events and 0 hour files" in again

    assert gitpulse("forget", REPO.key).exit_code == 1
    assert rows(home, ISSUE_CURRENT)
    assert gitpulse("forget", REPO.key, "--yes").exit_code == 0
    assert objects_of(Lake.open(str(lake)).store, REPO) == []
    assert not any(REPO.name in str(path.relative_to(lake)) for path in lake.rglob("*"))
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("repos") == []
        assert instance.get_runs_count() == 0
    assert "removed 0 objects" in gitpulse("forget", REPO.key, "--yes").output
    assert gitpulse("refresh", REPO.key).exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("acme/rocket", "--person", "octocat")])
def test_one_of_both_is_named(gitpulse, arguments: tuple[str, ...]):
    assert gitpulse("forget", *arguments).exit_code == 2


@pytest.mark.parametrize(
    ("record", "cleaned"),
    [
        (
            {"user": {"login": "Ada", "id": 1}, "title": "t", "body": "b"},
            ["ghost", 10137, "[forgotten]", None],
        ),
        ({"user": {"login": "Bob", "id": 2}, "title": "t", "body": "ask @ada, not @ada-x"}, ["Bob", 2, "t"]),
    ],
)
def test_accounts_and_texts(record: dict, cleaned: list):
    found = json.loads(without_person(json.dumps(record), Traces("ada")))
    assert [found["user"]["login"], found["user"]["id"], found["title"], found["body"]][
        : len(cleaned)
    ] == cleaned
    if found["user"]["login"] == "Bob":
        assert found["body"] == "ask @ghost, not @ada-x"


def test_an_account_of_their_id_is_theirs_by_any_login_and_another_number_is_nobody():
    record = {
        "user": {"login": "formerly", "id": 7},
        "body": "b",
        "id": 7,
        "labels": [{"id": 7, "name": "x"}],
    }
    found = json.loads(without_person(json.dumps(record), Traces("ada", ids=[7])))
    assert found == {
        "user": {"login": "ghost", "id": 10137}, "body": None, "id": 7, "labels": [{"id": 7, "name": "x"}]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "is_gold", "is_named"),
    [
        ("actor_login", "Ada", False, True),
        ("actor_login", "ada-x", False, False),
        ("body", "ask @Ada, please", False, True),
        ("body", "ada and @ada-x", False, False),
        ("verdict", "bulk closed by ada.", True, True),
        ("title", "ada", True, False),
        ("drivers", [{"actor_login": "ada"}], True, True),
        ("label_names", ["bug", "of ada"], True, True),
        ("label_names", None, True, False),
        ("from_repository", "Ada/spoon", False, True),
        ("departed_to", "ada/spoon#3", False, True),
        ("from_repository", "adam/spoon", False, False),
        ("head_ref", "ada-patch-1", False, True),
        ("head_ref", "canada-patch-1", False, False),
    ],
)
def test_a_table_that_names_a_person_is_known(name: str, value: object, is_gold: bool, is_named: bool):
    found = [
        has_match(texts, naming(inner, Traces("ada"), is_gold))
        for inner, texts in strings_of(name, pa.array([value]))
    ]
    assert any(found) is is_named


@pytest.mark.parametrize("text", ['{"user":{"login":"adam"}}', "ada is no JSON", '{"a": "ada"}'])
def test_what_is_of_others_stays_to_the_byte(text: str):
    assert without_person(text, Traces("ada")) == text


def account(login: str) -> dict:
    return {"__typename": "User", "login": login, "databaseId": 7}


def conversation(author: str) -> dict:
    """A pull request as GraphQL tells it: two renamings, and a move from a repository of ada's."""
    events = [
        {"actor": account("mara"), "previousTitle": "first", "currentTitle": "maras"},
        {"actor": account("ada"), "previousTitle": "maras", "currentTitle": "adas"},
        {"actor": account("mara"), "previousTitle": "adas", "currentTitle": "last"},
        {"actor": None, "fromRepository": {"nameWithOwner": "Ada/spoon"}},
    ]
    branches = {"headRefName": "ada-patch-1", "baseRefName": "main"}
    return {"author": account(author), **branches, "timelineItems": {"nodes": events}}


@pytest.mark.parametrize(
    ("author", "branch", "titles"),
    [
        ("ada", None, [["[forgotten]"] * 2] * 3),
        (
            "mara",
            "ghost-patch-1",
            [["first", "maras"], ["maras", "[forgotten]"], ["[forgotten]", "last"]],
        ),
    ],
)
def test_branches_titles_and_repositories_of_a_person_go(author: str, branch: str | None, titles: list):
    record = conversation(author)
    found = json.loads(
        without_person(json.dumps(record), Traces("ada"), set(set_titles(record, Traces("ada"))))
    )
    *renamings, moved = found["timelineItems"]["nodes"]
    assert [[one["previousTitle"], one["currentTitle"]] for one in renamings] == titles
    assert moved["fromRepository"]["nameWithOwner"] == "ghost/spoon"
    assert (found["headRefName"], found["baseRefName"]) == (branch, "main")
    assert "ada" not in json.dumps(found)


@pytest.mark.parametrize(
    ("record", "cleaned"),
    [
        (
            {
                "user": account("ada"),
                "head": {"ref": "x", "label": "acme:x"},
                "base": {"ref": "m"},
            },
            {"head": {"ref": None, "label": None}, "base": {"ref": "m"}},
        ),
        (
            {"user": account("mara"), "head": {"label": "ada:ada-patch-2", "repo": {"full_name": "ada/r"}}},
            {"head": {"label": "ghost:ghost-patch-2", "repo": {"full_name": "ghost/r"}}},
        ),
        (
            {"event": "renamed", "rename": {"from": "a", "to": "b"}, "issue": {"user": account("ada")}},
            {"rename": {"from": "[forgotten]", "to": "[forgotten]"}},
        ),
        (
            {
                "comment": {"user": account("mara")},
                "issue": {"user": account("ada")},
                "rename": {"to": "a"},
            },
            {"rename": {"to": "a"}},
        ),
        ({"name": "ada/kind", "description": "ada: x"}, {"name": "ada/kind", "description": "ada: x"}),
        (
            {"a_url": "https://ghe.example/api/v3/repos/ada/r", "body": "as github.com/ada/r says"},
            {"a_url": "https://ghe.example/api/v3/repos/ghost/r", "body": "as github.com/ghost/r says"},
        ),
        (
            {"html_url": "https://github.com/ada/own/issues/1", "full_name": "ada/own"},
            {"html_url": "https://github.com/ada/own/issues/1", "full_name": "ada/own"},
        ),
        ({"full_name": "ada/own-fork"}, {"full_name": "ghost/own-fork"}),
    ],
)
def test_what_is_named_after_a_person_in_each_kind_of_payload(record: dict, cleaned: dict):
    """A repository that the lake follows (`ada/own`) keeps its name, and a label is no repository."""
    found = json.loads(without_person(json.dumps(record), Traces("ada", [Repo("ada", "own")])))
    assert {key: found[key] for key in cleaned} == cleaned


@pytest.mark.parametrize("row", [{"payload_json": "{}", "departed_to": "Ada/spoon#3", "issue_id": 1}])
def test_where_an_issue_went_is_no_longer_named_after_a_person(row: dict):
    assert out_of_row(row, Traces("ada"), {})["departed_to"] == "ghost/spoon#3"


def test_a_title_that_a_person_gave_anothers_issue_goes_from_its_record_too():
    row = {"payload_json": json.dumps({"user": account("mara"), "title": "adas"}), "issue_id": 1}
    cleaned = [out_of_row(row | {"issue_id": one}, Traces("ada"), {1: {"adas"}}) for one in (1, 2)]
    assert [json.loads(one["payload_json"])["title"] for one in cleaned] == ["[forgotten]", "adas"]
