"""The marts of conversations as the HTTP API gives them: whole, a page at a time, by label and by person."""

import csv
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gitpulse_assets.answers.cache import ResultCache
from gitpulse_assets.answers.conversations import WITHOUT_TOKEN, ListFilter
from gitpulse_assets.answers.errors import NotCollected
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.members import NEVER_LISTED, PUBLIC_ONLY, member_gap
from gitpulse_assets.answers.repository import RepositoryAnswers
from gitpulse_assets.catalog.declared import marts_of
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.chosen import CONTRIBUTORS
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts import (
    contributor,
    first_response,
    follow_up,
    pull_request_flow,
    pull_request_lifecycle,
    time_in_label,
    trending_issue,
)
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.members.looking import put, roll_of, tables_of
from gitpulse_assets.members.roll import Roll
from gitpulse_assets.members.state import KnownMembers, known_members
from gitpulse_assets.place import Organization
from gitpulse_assets.transform.sql_file import create_table, load_sql
from gitpulse_assets_tests.answer_lakes import publish
from gitpulse_assets_tests.people.lakes import ROCKET, SILENT

Rows = list[dict[str, Any]]
OF_SUBJECT = list(marts_of(CONTRIBUTORS))
LISTS = [mart for mart in OF_SUBJECT if mart.answer and mart.answer.is_list]
by_name = pytest.mark.parametrize


def path(mart: Mart, repo: object = ROCKET) -> str:
    assert mart.answer
    return f"/api/repository/{repo}/{mart.answer.route}"


def published(lake: Lake, mart: Mart) -> Rows:
    return lake.dataset(mart.contract, ROCKET).to_table().to_pylist()


@pytest.fixture(scope="module")
def rows(client: TestClient) -> Callable[..., Rows]:
    """`rows(mart, label=…)`: what its route answers, all of it."""

    def ask(mart: Mart, **given: Any) -> Rows:
        paging = {"limit": 1_000} if mart.answer and mart.answer.is_list else {"window": "all"}
        reply = client.get(path(mart), params=paging | given)
        assert reply.status_code == 200, reply.text
        return reply.json()["rows"]

    return ask


def test_every_mart_of_the_subject_has_a_route():
    assert [mart.name for mart in OF_SUBJECT if not mart.answer] == []
    assert {mart.name for mart in OF_SUBJECT} <= {mart.name for mart in MARTS}


@by_name("mart", LISTS, ids=lambda mart: mart.name)
def test_a_list_is_the_mart_in_its_order(people_lake: Lake, rows, asked: RepositoryAnswers, mart: Mart):
    told = asked.listed(mart, ListFilter(limit=1_000)).rows.to_pylist()
    made = published(people_lake, mart)
    key = mart.contract.key[2:]
    own = [name for name in mart.contract.column_names if not name.startswith("repo_")]
    # Logins are those of the mart: every other column stands in it.
    assert sorted(([row[name] for name in own] for row in told), key=repr) == sorted(
        ([row[name] for name in own] for row in made), key=repr
    )
    assert len({tuple(row[name] for name in key) for row in told}) == len(told)
    assert mart.answer
    for name, way in reversed(mart.answer.sort):
        made.sort(key=lambda row: row[name], reverse=way == "descending")
    assert [[row[name] for name in key] for row in told] == [[row[name] for name in key] for row in made]


@by_name("mart", [mart for mart in OF_SUBJECT if mart not in LISTS], ids=lambda mart: mart.name)
def test_a_series_is_the_mart_of_the_window(people_lake: Lake, asked: RepositoryAnswers, mart: Mart):
    (field,) = mart.contract.key[2:]
    window = asked.window(45)
    first = window.start_date if field == "flow_date" else window.start_date.replace(day=1)
    made = [row for row in published(people_lake, mart) if first <= row[field] <= window.end_date]
    told = asked.mart(mart, window).to_pylist()
    assert len(told) == (45 if field == "flow_date" else 2)
    assert [{name: row[name] for name in told[0]} for row in made] == told


def test_a_whole_history_begins_with_the_first_pull_request_though_no_issue_was_there(
    people_lake: Lake, asked: RepositoryAnswers
):
    """A repository of pull requests alone has a backlog of one day."""
    last = asked.published.last_complete_date
    alone = replace(asked.published, flow=asked.published.flow[-1:])
    of = RepositoryAnswers(alone, connect(), ResultCache(9))
    assert of.window("all").start_date == last
    window = of.window("all", of_conversations=True)
    days = [row["flow_date"] for row in published(people_lake, pull_request_flow.MART)]
    assert window.start_date <= min(days) < last
    assert len(of.mart(pull_request_flow.MART, window)) == len(days) - 1


def test_marts_that_a_refresh_without_the_subject_left_as_they_were_hold_no_longer(
    people_folder: Path, tmp_path: Path
):
    shutil.copytree(people_folder, tmp_path / "lake")
    lake, table = Lake.open(str(tmp_path / "lake")), MART_BACKLOG_VERDICT
    publish(lake, "gold", ROCKET, {table: lake.dataset(table, ROCKET).to_table()})
    answers = LakeAnswers(lake)
    with pytest.raises(NotCollected, match="run gitpulse refresh acme/rocket"):
        answers.ask(ROCKET, lambda of: of.waiting())
    answers.close()


@by_name("mart", [follow_up.MART, time_in_label.MART, trending_issue.MART], ids=lambda mart: mart.name)
def test_a_label_and_a_person_narrow_a_list(rows: Callable[..., Rows], mart: Mart):
    every = rows(mart)
    names = {name for row in every for name in row["label_names"]} | {"(no label)"}
    assert every
    for label in sorted(names)[:2]:
        wanted = [row for row in every if label in (row["label_names"] or ["(no label)"])]
        assert rows(mart, label=label) == wanted
    login = every[0]["author_login"]
    whose = [
        row
        for row in every
        if login in (row["author_login"], *row["assignee_logins"], *(row["requested_reviewer_logins"] or ()))
    ]
    assert rows(mart, person=login.upper()) == whose


def test_a_thread_that_was_not_told_again_since_a_renaming_is_found_by_the_login_that_is_shown():
    tables = {
        "issue_current": "1 as issue_id, 1 as issue_number, true as is_pull_request, 'bob' as author_login, "
        "7 as author_id, '' as html_url",
        "issue_assignees": "1 as issue_id, 8 as user_id, 'eve' as user_login",
        "issue_labels": "1 as issue_id, 3 as label_id",
        "label_name": "3 as label_id, 'bug' as label_name",
        "pull_request_current": "1 as issue_id, ['dan'] as requested_reviewer_logins",
        "mart_contributor": "unnest([7, 8]) as person_id, unnest(['bobby', 'Evelyn']) as person_login",
    }
    with connect() as con:
        for name, row in tables.items():
            con.execute(f"create temp table {name} as select {row}")
        create_table(con, "answers", "thread")
        found = con.execute("select author_login, assignee_logins, people from thread").fetchall()
    assert found == [("bobby", ["Evelyn"], ["bobby", "evelyn", "dan"])]


def test_who_shall_review_or_is_assigned_is_found_by_name(rows: Callable[..., Rows]):
    for mart, field in (
        (first_response.MART, "assignee_logins"),
        (pull_request_lifecycle.MART, "requested_reviewer_logins"),
    ):
        row = next(row for row in rows(mart) if set(row[field] or ()) - {row["author_login"]})
        assert row in rows(mart, person=next(iter(set(row[field]) - {row["author_login"]})))


def test_who_only_spoke_is_known_and_has_an_empty_list(rows: Callable[..., Rows]):
    threads = rows(first_response.MART) + rows(pull_request_lifecycle.MART)
    named = {
        login
        for row in threads
        for login in (row["author_login"], *row["assignee_logins"], *(row["requested_reviewer_logins"] or ()))
    }
    people = {row["person_login"] for row in rows(contributor.MART)}
    spoke_only, acts_not = sorted(people - named)[0], sorted(named - people)
    assert rows(first_response.MART, person=spoke_only.upper()) == []
    assert [rows(contributor.MART, person=login) for login in acts_not] == [[]] * len(acts_not)


def test_people_are_listed_by_name_and_no_speed_is_among_their_columns(rows: Callable[..., Rows]):
    people = rows(contributor.MART)
    assert [row["person_login"] for row in people] == sorted(row["person_login"] for row in people)
    assert rows(contributor.MART, person=people[3]["person_login"].upper()) == [people[3]]
    assert not [name for name in people[0] if name.endswith(("_seconds", "_days", "rank"))]


def test_pages_of_a_list_lead_to_each_other(client: TestClient):
    whole = client.get(path(follow_up.MART), params={"limit": 1000}).json()
    found, url = [], f"{path(follow_up.MART)}?limit=7"
    while url:
        reply = client.get(url)
        assert reply.headers["X-Total-Count"] == str(whole["total_count"])
        found += reply.json()["rows"]
        url = reply.links.get("next", {}).get("url")
    assert found == whole["rows"]


@by_name("mart", OF_SUBJECT, ids=lambda mart: mart.name)
def test_csv_has_the_rows_of_the_json(client: TestClient, rows: Callable[..., Rows], mart: Mart):
    paging = {"limit": 1_000} if mart in LISTS else {"window": "all"}
    text = client.get(path(mart), params={"format": "csv", **paging}).text
    made = rows(mart)
    told = list(csv.DictReader(io.StringIO(text)))
    assert len(told) == len(made)
    assert not told or set(told[0]) == set(made[0])


WRONG = [
    (
        follow_up.MART,
        {"label": "no such label"},
        "label: no issue or pull request has the label 'no such label' now",
    ),
    (follow_up.MART, {"person": "nobody-here"}, "person: nobody here has the login 'nobody-here'"),
    (contributor.MART, {"person": "nobody-here"}, "person: nobody here has the login 'nobody-here'"),
    (follow_up.MART, {"label": "'; drop table mart; --"}, "label: no issue or pull request has the label"),
    (follow_up.MART, {"person": "' or 1=1 --"}, "person: nobody here has the login"),
    (follow_up.MART, {"person": "x" * 101}, "person: string should have at most 100 characters"),
    (follow_up.MART, {"limit": "1001"}, "limit: input should be less than or equal to 1000"),
    (follow_up.MART, {"limit": "0"}, "limit: input should be greater than or equal to 1"),
    (follow_up.MART, {"offset": "-1"}, "offset: input should be greater than or equal to 0"),
    (follow_up.MART, {"offset": "99999999999999999999"}, "offset: input should be less than or equal to"),
    (
        follow_up.MART,
        {"sort": "speed"},
        "sort: not known here; known are format, label, limit,",
    ),
    (contributor.MART, {"label": "bug"}, "label: not known here"),
    (pull_request_flow.MART, {"label": "bug"}, "label: not known here"),
    (pull_request_flow.MART, {"from": "2031-01-01"}, "the window begins on 2031-01-01"),
]


@by_name(("mart", "given", "reason"), WRONG)
def test_case_29_what_is_wrong_is_refused_with_its_reason(client, mart: Mart, given, reason: str):
    reply = client.get(path(mart), params=given)
    assert (reply.status_code, reply.json()["detail"].startswith(reason)) == (422, True), reply.text


def test_a_page_beyond_the_last_is_empty(client: TestClient):
    reply = client.get(path(follow_up.MART), params={"offset": 10_000_000}).json()
    assert (reply["rows"], reply["total_count"] > 0) == ([], True)


def test_without_a_token_figures_that_need_reviews_say_so(client: TestClient):
    public = PUBLIC_ONLY.format("acme")
    for mart in (follow_up.MART, contributor.MART, pull_request_flow.MART, trending_issue.MART):
        assert mart.answer
        members = [public] if mart.answer.needs_members else []
        told = client.get(path(mart, SILENT)).json()["not_known"]
        assert told == [*([WITHOUT_TOKEN] if mart.answer.needs_reviews else []), *members]
        assert client.get(path(mart)).json()["not_known"] == members


def test_every_mart_that_asks_who_maintains_says_what_of_that_is_not_known():
    asks = re.compile(r"\b(is_maintainer|organization_member|outside_word|unanswered_word)\b")
    for mart in OF_SUBJECT:
        assert mart.answer
        said = "".join(load_sql("gold", name) for name in mart.sources)
        assert mart.answer.needs_members == bool(asks.search(said)), mart.name


def test_what_is_not_known_of_members_follows_the_last_list_that_was_taken(
    people_folder: Path, tmp_path: Path
):
    shutil.copytree(people_folder, tmp_path / "lake")
    lake, place = Lake.open(str(tmp_path / "lake")), Organization("acme")
    assert member_gap(lake, ROCKET) == PUBLIC_ONLY.format("acme")
    (look,) = roll_of(lake, place).looks
    for role, is_taken, said in (
        ("member", True, ""),
        ("member", False, NEVER_LISTED.format("acme")),
    ):
        with lake.begin("silver", place) as publication:
            put(publication, tables_of(Roll(looks=(replace(look, role=role, is_taken=is_taken),)), place))
        assert member_gap(lake, ROCKET) == said


def test_where_no_list_was_ever_taken_an_organisation_is_named_and_a_person_is_not(tmp_path: Path):
    lake, place = Lake.open(str(tmp_path / "lake")), Organization("acme")
    for is_organization, said in ((None, ""), (False, ""), (True, NEVER_LISTED.format("acme"))):
        kept = known_members(lake.store, place)
        kept.load()
        kept.save(KnownMembers(is_organization=is_organization))
        assert member_gap(lake, ROCKET) == said
