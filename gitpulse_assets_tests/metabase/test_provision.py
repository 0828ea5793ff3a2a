"""What is provisioned, once and again, on a stand-in of Metabase's documented API; not on Metabase itself."""

from functools import partial

import httpx
import pytest
from click.testing import CliRunner

from gitpulse_assets.cli import cli
from gitpulse_assets.commands.exit_codes import DONE, FAILED, WRONG_USE
from gitpulse_assets.metabase.cards import CARDS, PARAMETERS
from gitpulse_assets.metabase.client import Metabase, MetabaseError
from gitpulse_assets.metabase.provision import DASHBOARD_NAME, provision
from gitpulse_assets_tests.metabase.conftest import EMAIL, PASSWORD, StandIn

URL = "http://metabase.local"


def run(stand_in: StandIn, repository: str = "acme/rocket"):
    stand_in.writes.clear()
    with Metabase(URL, EMAIL, PASSWORD, stand_in) as metabase:
        return provision(metabase, "create view x as select 1;", repository)


def test_everything_is_made_once(stand_in):
    done = run(stand_in)
    assert (done.made, done.kept) == (2 + len(CARDS), 0)
    (database,) = stand_in.things["database"].values()
    assert database["engine"] == "duckdb"
    assert database["details"]["database_file"] == ":memory:"
    (collection,) = stand_in.things["collection"].values()
    cards = list(stand_in.things["card"].values())
    assert [card["name"] for card in cards] == [card.title for card in CARDS]
    assert {card["collection_id"] for card in cards} == {collection["id"]}
    assert {card["dataset_query"]["database"] for card in cards} == {database["id"]}


def test_a_second_time_nothing_is_written(stand_in):
    run(stand_in)
    done = run(stand_in)
    assert (done.made, done.changed, done.kept) == (0, 0, 3 + len(CARDS))
    assert stand_in.writes == []


def test_every_card_follows_the_dashboards_one_window(stand_in):
    done = run(stand_in)
    dashboard = stand_in.things["dashboard"][done.dashboard_id]
    assert [parameter["slug"] for parameter in dashboard["parameters"]] == [
        "repository",
        "window_days",
        "last_day",
    ]
    assert len(dashboard["dashcards"]) == len(CARDS)
    for dashcard, card in zip(dashboard["dashcards"], CARDS, strict=True):
        mapped = [mapping["target"][1][1] for mapping in dashcard["parameter_mappings"]]
        assert mapped == card.tags
        assert card.file == "repository" or set(mapped) == {parameter.name for parameter in PARAMETERS}
        stored = stand_in.things["card"][dashcard["card_id"]]["dataset_query"]["native"]
        assert set(stored["template-tags"]) == set(mapped)


def test_no_two_cards_overlap():
    taken = set()
    for card in CARDS:
        (column, row), (width, height) = card.place, card.size
        cells = {(x, y) for x in range(column, column + width) for y in range(row, row + height)}
        assert column + width <= 24
        assert not cells & taken, card.file
        taken |= cells


def test_what_differs_is_changed_and_what_people_made_stays(stand_in):
    done = run(stand_in)
    first = next(iter(stand_in.things["card"].values()))
    first["display"] = "pie"
    dashboard = stand_in.things["dashboard"][done.dashboard_id]
    dashboard["dashcards"].append({"id": 900, "card_id": 901, "col": 0, "row": 60, "size_x": 4, "size_y": 4})
    again = run(stand_in)
    assert (again.made, again.changed) == (0, 1)
    assert stand_in.writes == [f"PUT card/{first['id']}"]
    assert 901 in [dashcard["card_id"] for dashcard in dashboard["dashcards"]]


def test_every_text_card_that_people_made_stays(stand_in):
    """A text card or heading is a dashcard without a card, and there may be several."""
    done = run(stand_in)
    dashboard = stand_in.things["dashboard"][done.dashboard_id]
    place = {"card_id": None, "col": 0, "size_x": 24, "size_y": 1}
    texts = [{"id": 900 + row, "row": row, **place} for row in (60, 61)]
    dashboard["dashcards"] += texts
    del stand_in.things["card"][max(stand_in.things["card"])]
    assert run(stand_in).changed == 1
    kept = stand_in.things["dashboard"][done.dashboard_id]["dashcards"]
    assert [dashcard for dashcard in kept if dashcard["card_id"] is None] == texts


def test_a_missing_card_comes_back_in_its_place(stand_in):
    done = run(stand_in)
    gone = max(stand_in.things["card"])
    del stand_in.things["card"][gone]
    again = run(stand_in)
    assert (again.made, again.changed, again.dashboard_id) == (1, 1, done.dashboard_id)
    dashcards = stand_in.things["dashboard"][done.dashboard_id]["dashcards"]
    assert set(stand_in.things["card"]) <= {dashcard["card_id"] for dashcard in dashcards}


def test_a_fresh_metabase_gets_its_first_user_and_no_tracking():
    fresh = StandIn(is_set_up=False)
    run(fresh)
    assert (fresh.is_set_up, fresh.tracking) == (True, [False])
    assert [dashboard["name"] for dashboard in fresh.things["dashboard"].values()] == [DASHBOARD_NAME]


def test_a_wrong_password_is_one_line_without_it(stand_in):
    with pytest.raises(MetabaseError, match="not a user and password of Metabase's") as raised:
        Metabase(URL, EMAIL, "a-wrong-password", stand_in)
    assert "a-wrong-password" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: httpx.Response(500, text="oh\n no"), "Metabase answered 500 to GET"),
        (lambda request: httpx.Response(200, text="<html>"), "something else than JSON"),
    ],
)
def test_another_failure_is_one_line(answer, said):
    with pytest.raises(MetabaseError, match=said) as raised:
        Metabase(URL, EMAIL, PASSWORD, httpx.MockTransport(answer))
    assert "\n" not in str(raised.value)


def gitpulse(monkeypatch, tmp_path, *arguments, **settings):
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(cli, ["metabase", *arguments])


def test_the_command_needs_a_user(monkeypatch, tmp_path, folder):
    result = gitpulse(monkeypatch, tmp_path, GITPULSE_LAKE_URL=str(folder))
    assert result.exit_code == WRONG_USE
    assert result.stderr.startswith("gitpulse: set GITPULSE_METABASE_EMAIL and GITPULSE_METABASE_PASSWORD")


USER = {"GITPULSE_METABASE_EMAIL": EMAIL, "GITPULSE_METABASE_PASSWORD": PASSWORD}


def test_the_command_needs_data(monkeypatch, tmp_path):
    result = gitpulse(monkeypatch, tmp_path, GITPULSE_LAKE_URL=str(tmp_path / "lake"), **USER)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert "run gitpulse refresh OWNER/NAME" in result.stderr


def test_the_command_says_where_metabase_is_not(monkeypatch, tmp_path, folder):
    where = {"GITPULSE_LAKE_URL": str(folder), "GITPULSE_METABASE_URL": "http://127.0.0.1:9"}
    result = gitpulse(monkeypatch, tmp_path, **where, **USER)
    assert result.exit_code == FAILED
    assert "GITPULSE_METABASE_URL: http://127.0.0.1:9 cannot be reached" in result.stderr
    assert PASSWORD not in result.stderr


def test_the_command_provisions_with_the_views_where_metabase_sees_them(
    monkeypatch, tmp_path, folder, stand_in
):
    monkeypatch.setattr("gitpulse_assets.commands.metabase.Metabase", partial(Metabase, transport=stand_in))
    result = gitpulse(monkeypatch, tmp_path, "--lake-url", "/lake", GITPULSE_LAKE_URL=str(folder), **USER)
    assert (result.exit_code, result.stderr) == (DONE, "")
    assert f"{2 + len(CARDS)} made" in result.stdout
    (database,) = stand_in.things["database"].values()
    assert "'/lake/gold/mart_issue_daily_flow/*/*/*.parquet'" in database["details"]["init_sql"]
    assert str(folder) not in database["details"]["init_sql"]
