"""The marts of conversations keep their contracts and checks, and each rule and check notices a damage."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import Rule
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.marts import (
    contributor,
    contributor_monthly,
    first_response,
    first_response_monthly,
    follow_up,
    pending_response,
    pull_request_flow,
    pull_request_lifecycle,
    pull_request_monthly,
    time_in_label,
    trending_closed_issue,
    trending_issue,
    trending_pull_request,
)
from gitpulse_assets.transform.audit import audit_sql, audit_table
from gitpulse_assets.transform.contributors import build_conversations, statements
from gitpulse_assets_tests.contributors.compare import ORACLES, load, options_of
from gitpulse_assets_tests.contributors.truth import Account, Thread, Word, World
from gitpulse_assets_tests.contributors.worlds import random_world

MODULES = (
    contributor, contributor_monthly, first_response, first_response_monthly, follow_up, pending_response,
    pull_request_flow, pull_request_lifecycle, pull_request_monthly, time_in_label, trending_closed_issue,
    trending_issue, trending_pull_request,
)  # fmt: skip
MARTS: tuple[Mart, ...] = tuple(module.MART for module in MODULES)
# One in which every list has a row.
FULL = 29
RULES = [
    pytest.param(mart, rule, id=f"{mart.name}-{rule.name}") for mart in MARTS for rule in mart.contract.rules
]
WRONG = {
    "number": ("-1", "1000000", "0"),
    "text": ("'unheard of'",),
    "time": ("null", '"{0}" - interval 9000 day', '"{0}" + interval 9000 day'),
    "flag": ("null", 'not "{0}"'),
    "list": ("[]",),
}


def made(seed: int) -> duckdb.DuckDBPyConnection:
    con, world = connect(), random_world(seed)
    load(con, world)
    build_conversations(con, world.as_of_at, options_of(world))
    return con


@pytest.fixture(scope="module")
def full() -> Iterator[duckdb.DuckDBPyConnection]:
    with made(FULL) as con:
        yield con


def test_every_mart_is_made_and_has_an_oracle():
    names = {mart.name for mart in MARTS}
    assert names == set(ORACLES) == {name for name in statements() if name.startswith("mart_")}


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_its_columns_and_types_are_the_contracts(full: duckdb.DuckDBPyConnection, mart: Mart):
    table = full.table(mart.name).to_arrow_table()
    expected = [(field.name, field.type) for field in mart.contract.arrow_schema]
    assert [(field.name, field.type) for field in table.schema] == expected
    assert table.num_rows
    assert audit_table(full, mart.contract, mart.name).broken == ()


def kind_of(type_name: str) -> str:
    kinds = {
        "BIGINT": "number",
        "DOUBLE": "number",
        "BOOLEAN": "flag",
        "VARCHAR": "text",
        "VARCHAR[]": "list",
    }
    return kinds.get(type_name, "time")


@pytest.mark.parametrize(("mart", "rule"), RULES)
def test_a_rule_speaks_when_one_column_is_wrong(full: duckdb.DuckDBPyConnection, mart: Mart, rule: Rule):
    types = {row[0]: kind_of(row[1]) for row in full.execute(f"describe {mart.name}").fetchall()}
    assert any(
        full.execute(
            f'select 1 from (select * replace ({wrong.format(name)} as "{name}") from {mart.name}) '
            f"where {rule.broken_when} limit 1"
        ).fetchall()
        for name, kind in types.items()
        if re.search(rf"\b{name}\b", rule.broken_when)
        for wrong in WRONG[kind]
    )


DAMAGES = {
    "pull_request_flow_identity": (
        "update mart_pull_request_flow set merged_count = merged_count + 1 where flow_date = (select "
        "max(flow_date) from mart_pull_request_flow)",
        "delete from mart_pull_request_flow where ready_count > 0",
    ),
    "pull_requests_at_end_equal_snapshot": (
        "update mart_pull_request_flow set open_at_end = open_at_end + 1",
        "update mart_pull_request_flow set drafts_at_end = drafts_at_end + 1",
    ),
    "responses_are_of_others": (
        "update mart_first_response set first_response_at = first_response_at + interval 1 second",
        "update mart_first_response set first_maintainer_response_at = first_maintainer_response_at "
        "+ interval 1 second",
        "update mart_pull_request_lifecycle set first_review_at = first_review_at + interval 1 second",
        "update mart_pull_request_lifecycle set first_review_at = first_response_at; delete from review",
        "update conversation_event set actor_type = 'Bot'; update issue_comment set author_type = 'Bot'",
        "update conversation_event set actor_login = 'robot'; "
        "update issue_comment set author_login = 'robot'",
        # Who was told of as a bot once, by another login than where they answer.
        "insert into issue_comment select * replace ('robot' as author_login, "
        "created_at - interval 9000 day as created_at) from issue_comment",
        "update conversation_event set actor_login = 'renamed', actor_id = (select author_id from "
        "issue_current where issue_number = thread_number); delete from issue_comment",
    ),
}


BOTS = {"bots": ["robot"]}


@pytest.mark.parametrize("seed", range(3))
def test_the_checks_hold(seed: int):
    with made(seed) as con:
        bots = {"bots": list(random_world(seed).bots)}
        assert {name: audit_sql(con, name, bots) for name in DAMAGES} == dict.fromkeys(DAMAGES, (0, ()))


def test_an_answer_by_who_took_the_login_that_the_author_gave_up_is_anothers():
    asker, answerer = Account(1, "bob"), Account(2, "bob")
    asked_at = datetime(2024, 5, 1, tzinfo=UTC)
    answer = Word("comment", asked_at + timedelta(days=1), answerer, "NONE")
    world = World(answer.at, [Thread(1, False, asker, "NONE", asked_at, words=[answer])])
    with connect() as con:
        load(con, world)
        build_conversations(con, world.as_of_at, options_of(world))
        assert con.table("mart_first_response").filter("first_response_at is not null").fetchall()
        assert audit_sql(con, "responses_are_of_others", BOTS) == (0, ())


@pytest.mark.parametrize("name", DAMAGES)
def test_a_check_notices_each_damage(full: duckdb.DuckDBPyConnection, name: str):
    declared = {check.name for mart in MARTS for check in mart.checks}
    assert declared == set(DAMAGES)
    for damage in DAMAGES[name]:
        full.execute("begin")
        full.execute(damage)
        assert audit_sql(full, name, BOTS)[0], damage
        full.execute("rollback")
