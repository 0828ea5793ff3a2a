"""The API's figures are those of the answers and of `gitpulse verdict`; what cannot be asked is refused."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.answers.repository import IssueFilter, RepositoryAnswers
from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.commands.verdict import print_verdict
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.backlog_verdict import MART_BACKLOG_VERDICT
from gitpulse_assets.repo import Repo
from gitpulse_assets.serve import columns
from gitpulse_assets.settings import Settings
from gitpulse_assets_tests.answer_lakes import EMPTY, HALF, ONNX, ROCKET
from gitpulse_assets_tests.serve.conftest import app_of

TABLES = {mart.answer.route: mart for mart in MARTS if mart.answer}


def path(question: str, repo: Repo = ROCKET) -> str:
    return f"/api/repository/{repo}/{question}"


def plain(value: object) -> object:
    """What a reader of the JSON sees."""
    return json.loads(msgspec.json.encode(value))


@pytest.fixture(scope="module")
def rocket(answers: LakeAnswers) -> RepositoryAnswers:
    return answers.ask(ROCKET, lambda asked: asked)


@pytest.mark.parametrize("window", ["28", "90", "180", "all"])
@pytest.mark.parametrize("question", list(TABLES))
def test_tables_are_those_of_the_answers(client, rocket, question, window):
    mart = TABLES[question]
    chosen = rocket.window(window if window == "all" else int(window))
    table = rocket.mart(mart, chosen)
    body = client.get(path(question), params={"window": window}).json()
    assert body["rows"] == plain(table.to_pylist())
    assert body["window"] == plain(
        {"start_date": chosen.start_date, "end_date": chosen.end_date, "days": chosen.days}
    )
    assert set(table.column_names) == {column.name for column in mart.answer_columns}


@pytest.mark.parametrize("window", ["28", "90", "180", "all"])
def test_records_are_those_of_the_answers(client, rocket, window):
    chosen = rocket.window(window if window == "all" else int(window))
    for question, answer, described in (
        ("verdict", rocket.verdict(chosen), MART_BACKLOG_VERDICT.columns),
        ("summary", rocket.header(chosen), columns.SUMMARY),
    ):
        found = client.get(path(question), params={"window": window}).json()[question]
        assert found == plain(answer)
        assert set(found) == {column.name for column in described}
    closure = client.get(path("closure-age"), params={"window": window}).json()["in_window"]
    assert closure == plain(rocket.closure_age(chosen).in_window)


def test_from_and_to(client, rocket):
    last = rocket.published.last_complete_date
    body = client.get(path("summary"), params={"from": "2026-01-01", "to": "2026-02-28"}).json()
    assert body["window"] == {"start_date": "2026-01-01", "end_date": "2026-02-28", "days": 59}
    assert client.get(path("summary"), params={"from": "2026-01-01"}).json()["window"]["end_date"] == str(
        last
    )
    label = client.get(path("summary"), params={"label": "performance"}).json()
    assert label["label"] == "performance"
    assert label["summary"] == plain(rocket.header(rocket.window(90), "performance"))


def as_printed(rows: list[dict]) -> list[dict]:
    """Without the moments in the bulk movements: the command prints a space between day and time."""
    return [{name: value for name, value in row.items() if name != "bulk_movements"} for row in rows]


@pytest.mark.parametrize("repo", [ROCKET, pytest.param(ONNX, marks=pytest.mark.recorded)])
def test_the_verdict_is_that_of_the_command_line(request, capsys, repo):
    folder: Path = request.getfixturevalue("folder" if repo is ROCKET else "recorded_folder")
    settings = Settings.model_validate({"GITPULSE_LAKE_URL": str(folder)})
    assert print_verdict(settings, repo, None, None, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    with TestClient(app_of(folder)) as client:
        served = [
            client.get(path("verdict", repo), params={"window": row["window_days"]}).json() for row in printed
        ]
        summaries = [
            client.get(path("summary", repo), params={"window": row["window_days"]}).json() for row in printed
        ]
    assert as_printed(
        [{n: body["verdict"][n] for n in row} for body, row in zip(served, printed, strict=True)]
    ) == as_printed(printed)
    for row, body in zip(printed, summaries, strict=True):
        for name in (
            "opened_count",
            "reopened_count",
            "closed_count",
            "net_change",
            "open_at_start",
            "open_at_end",
        ):
            assert body["summary"][name] == row[name]


@pytest.mark.recorded
def test_real_figures_are_the_recorded_truth(recorded_folder, recorded_data):
    truth = json.loads((recorded_data / "microsoft__onnxruntime" / "ground_truth.json").read_text())
    with TestClient(app_of(recorded_folder)) as client:
        rows = client.get(path("daily-flow", ONNX), params={"window": "all"}).json()["rows"]
        issues = client.get(path("issues", ONNX), params={"state": "open", "limit": 1}).json()
        summary = client.get(path("summary", ONNX)).json()["summary"]
    stock = {day: open_at_end for day, open_at_end, *_ in truth["daily"]}
    # All days but the one it was recorded on, which was not over.
    assert [row["flow_date"] for row in rows] == sorted(stock)[:-1]
    surplus = [stock[row["flow_date"]] - row["open_at_end"] for row in rows]
    # An issue that was transferred in is counted there on the days on which it was still elsewhere.
    assert (set(surplus), sum(surplus)) == ({0, 1}, 37)
    assert issues["total_count"] == summary["open_now_count"] == 1_638


def test_the_list(client, rocket):
    body = client.get("/api/repositories").json()
    assert [row["repository"] for row in body["rows"]] == ["acme/empty", "acme/half", "acme/rocket"]
    half, last = body["rows"][1:]
    assert (half["is_complete"], half["direction"], half["open_count"]) == (False, None, None)
    assert half["note"].startswith("the first sync of acme/half is not finished")
    verdict = rocket.verdict(rocket.window(90))
    assert (last["direction"], last["net_change"]) == (verdict["direction"], verdict["net_change"])
    assert set(last) == {column.name for column in columns.REPOSITORIES}


def test_issues_page_by_page(client, rocket):
    found, address = [], f"{path('issues')}?state=open&sort=most_discussed&limit=17"
    while address:
        response = client.get(address)
        found += [row["issue_number"] for row in response.json()["rows"]]
        address = response.links.get("next", {}).get("url")
    page = rocket.issues(IssueFilter(state="open", sort="most_discussed", limit=10_000))
    assert found == page.rows["issue_number"].to_pylist()
    assert response.headers["x-total-count"] == str(len(found)) == str(response.json()["total_count"])
    assert set(response.links) == {"first", "last", "prev"}
    assert set(response.json()["rows"][0]) == {column.name for column in columns.ISSUES}


def test_csv_has_the_rows_of_the_json(client):
    for question in (*TABLES, "issues"):
        rows = client.get(path(question)).json()["rows"]
        for how in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv, */*;q=0.1"}}):
            response = client.get(path(question), **how)
            assert response.headers["content-type"] == "text/csv; charset=utf-8"
            parsed = list(csv.DictReader(io.StringIO(response.text)))
            assert len(parsed) == len(rows)
            assert not rows or list(parsed[0]) == list(rows[0])


def test_parquet_has_the_rows_of_the_answer(client, rocket):
    response = client.get(path("daily-flow"), params={"format": "parquet"})
    assert pq.read_table(io.BytesIO(response.content)).equals(rocket.daily_flow(rocket.window(90)))


@pytest.mark.parametrize("question", [*TABLES, "verdict", "summary", "issues"])
def test_strangers_and_first_syncs(client, question):
    response = client.get(path(question, Repo("no", "such")))
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json()["detail"] == "nothing is known of no/such yet; run gitpulse refresh no/such"
    response = client.get(path(question, HALF))
    assert response.status_code == 409
    assert response.json()["detail"].startswith("the first sync of acme/half is not finished")


@pytest.mark.parametrize("question", [*TABLES, "verdict", "summary", "issues"])
def test_a_repository_without_issues(client, question):
    for window in ("28", "all"):
        response = client.get(
            path(question, EMPTY), params={} if question == "issues" else {"window": window}
        )
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"window": "0"}, "window"),
        ({"window": "-28"}, "window"),
        ({"window": "99999999999999999999"}, "window"),
        ({"window": "28; drop table issues"}, "window"),
        ({"window": "28", "from": "2026-01-01", "to": "2026-01-28"}, "not both"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "1700000000"}, "YYYY-MM-DD"),
        ({"from": "yesterday"}, "YYYY-MM-DD"),
        ({"from": "2026-03-01", "to": "2026-02-01"}, "after its end"),
        ({"to": "9999-12-31"}, "the last complete day known is"),
        ({"from": "0001-01-01"}, "the earliest day is"),
        ({"label": "x" * 201}, "label"),
        ({"format": "xlsx"}, "format"),
    ],
)
def test_wrong_parameters_are_refused_by_name(client, parameters, named):
    response = client.get(path("summary" if "format" not in parameters else "ages"), params=parameters)
    assert response.status_code == 422, response.text
    assert named in response.json()["detail"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "1001"},
        {"limit": "1e3"},
        {"limit": "ten"},
        {"limit": "1' or '1'='1"},
        {"offset": "-1"},
        {"offset": "99999999999999999999999"},
        {"state": "open' --"},
        {"sort": "created_at desc"},
        {"opened_from": "2026-13-01"},
        {"moved_on": "now()"},
    ],
)
def test_wrong_filters_are_refused_by_name(client, parameters):
    response = client.get(path("issues"), params=parameters)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(next(iter(parameters)))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (path("issues"), "window"),
        (path("verdict"), "windw"),
        (path("daily-flow"), "FROM"),
        ("/api/repositories", "window"),
    ],
)
def test_an_unknown_parameter_is_refused_with_those_there_are(client, address, name):
    response = client.get(address, params={name: "28"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"{name}: not known here; known are ")


def test_health_is_asked_by_head_too(client):
    assert client.head("/healthz").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/api/repository/acme/../verdict",
        "/api/repository/%2e%2e/%2e%2e/verdict",
        "/api/repository/acme/..%2f..%2fetc%2fpasswd/verdict",
        "/api/repository/acme/rocket%00/verdict",
        "/api/repository/acme/*/verdict",
        "/api/repository/acme/rocket'--/verdict",
        f"/api/repository/acme/{'x' * 5_000}/verdict",
        "/api/repository/_locks/x/verdict",
        "/api/repository/acme/rocket",
        "/api/nothing",
    ],
)
def test_tricks_with_paths_are_refused(client, address):
    response = client.get(address)
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(client, method):
    assert client.request(method, path("verdict")).status_code == 405


def test_the_owners_letter_case_does_not_matter(client):
    same = client.get("/api/repository/ACME/Rocket/summary").json()
    assert same["summary"] == client.get(path("summary")).json()["summary"]


def test_no_request_touches_the_lake(folder, client):
    def listing() -> dict[str, int]:
        return {str(found): found.stat().st_mtime_ns for found in folder.rglob("*")}

    before = listing()
    for question in (*TABLES, "verdict", "summary", "issues"):
        client.get(path(question), params={} if question == "issues" else {"from": "2026-01-01"})
    client.get("/api/repositories")
    client.get("/healthz")
    assert listing() == before


def test_an_empty_lake_is_an_empty_list(make_client, tmp_path):
    client = make_client(tmp_path / "nothing")
    assert client.get("/api/repositories").json() == {"rows": []}
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get(path("verdict")).status_code == 404
    assert not (tmp_path / "nothing").exists()


def test_a_lake_that_cannot_be_read_is_a_503_that_tells_no_place(make_client, tmp_path):
    lake = Lake.open(str(tmp_path / "lake"))
    commit = tmp_path / "lake/gold/_commit/repo_owner=acme/repo_name=rocket/_commit.json"
    lake.store.put(str(commit.relative_to(tmp_path / "lake")), b"not a commit")
    response = make_client(tmp_path / "lake").get(path("verdict"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    assert str(tmp_path) not in response.text
