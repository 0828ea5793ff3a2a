"""docker-compose.yml with `--profile workers --scale worker=3`, started: a backfill that outlives what dies.

Two workers are killed, the broker is started anew, the database cuts everybody off, and others ask with the
same token as much as they may; then everything is as if nothing had been. `make prove-workers` does the same
with 200 repositories, and says in figures what it took.
"""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

import duckdb
import pytest
import yaml
from playwright.sync_api import Page, expect

from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE, ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.contracts.silver import ISSUE_CURRENT, ISSUE_EVENT, ISSUE_LABELS, ISSUE_TRANSITIONS
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.marts.issue_daily_flow import MART_ISSUE_DAILY_FLOW
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.kinds import AT_WORK_TAG
from gitpulse_assets.sandbox.faults import ALWAYS, Fault
from gitpulse_assets.sandbox.messages import Served
from gitpulse_assets.sandbox.plan import HistoryPlan
from gitpulse_assets.sandbox.truth import Walk
from gitpulse_assets_tests.conftest import absent
from gitpulse_assets_tests.deployment.compose import children, wait_until
from gitpulse_assets_tests.deployment.conftest import (
    ADD,
    REPO,
    SELECTOR,
    Deployment,
    Receiver,
    browsing,
    deployed,
)
from gitpulse_assets_tests.history.verdicts import judge_days
from gitpulse_assets_tests.s3_server import SharedServer, s3_server  # noqa: F401

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.caddy,
    pytest.mark.s3,
    pytest.mark.browser,
    pytest.mark.timeout(3600),
    pytest.mark.slow,
]

WORKERS = ["worker", "worker-2", "worker-3"]
# As said in docs/operations.md.
DEAD_WORKER_SECONDS_MAX = 60
# What a walk keeps waiting before it is durable, and the page that did not come.
PAGES_AGAIN_MAX = 10
# The walk that is killed waits for this one: ten are durable then, and two are not.
PAGE, BIG_ID = 13, 700_000_900
# What tells rows apart, beside their place in the table: whatever came twice would have another.
TOLD_APART = {
    ISSUE_CURRENT: ("issue_id",),
    ISSUE_EVENT: ("event_id",),
    ISSUE_LABELS: ("issue_id", "label_id"),
    ISSUE_TRANSITIONS: ("issue_id", "kind", "transitioned_at"),
    MART_ISSUE_DAILY_FLOW: ("flow_date",),
}
RECEIVED = {ISSUES: ("issue_id", "payload_json"), ISSUE_TIMELINE: ("issue_id", "payload_json")}
# Two processes with the workers' variables, which ask until they are told to wait: each by itself would send
# 640, and both together more than GitHub takes in a minute.
NEIGHBOURS = 2
NEIGHBOUR = f"""
from concurrent.futures import ThreadPoolExecutor
from gitpulse_assets.contracts.sources import ISSUE_LIST
from gitpulse_assets.repo import Repo
from gitpulse_assets.resources import github_client
from gitpulse_assets.settings import load_settings
class ToldToWait(Exception): ...
def not_now(seconds):
    raise ToldToWait
def ask(_):
    try:
        while True:
            client.probe(Repo.parse("{REPO}"), ISSUE_LIST)
    except ToldToWait:
        pass
with github_client(load_settings(), sleep=not_now) as client, ThreadPoolExecutor(8) as pool:
    list(pool.map(ask, range(8)))
"""
TABLES = 'group:"bronze" or group:"silver" or group:"gold"'
BACKFILLS = """
{ partitionBackfillsOrError { ... on PartitionBackfills { results { id } } } }"""
BACKFILL = """
query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""
TERMINATE = "mutation Terminate($id: String!) { terminateRun(runId: $id) { __typename } }"
TOLD = """
select partition, count(*) from event_logs
where dagster_event_type = 'ASSET_MATERIALIZATION' and asset_key = '["gold", "mart_backlog_verdict"]'
group by partition"""

SESSIONS = """
select sessions, (select count(*) from event_logs) from pg_stat_database where datname = 'gitpulse'"""


@dataclass(frozen=True)
class Death:
    """A worker that was killed, the run it executed, and the repository that this was at work on."""

    worker: str
    run_id: str
    key: str
    killed_at: float


def plans(count: int) -> list[HistoryPlan]:
    """The first has more pages than are walked before one is durable."""
    first = HistoryPlan("many/r000", 100, 1000, repository_id=BIG_ID)
    return [first, *(HistoryPlan(f"many/r{n:03}", n, issue_count=20, day_count=90) for n in range(1, count))]


@pytest.fixture(scope="module")
def keys(pytestconfig: pytest.Config) -> list[str]:
    """The repositories of the backfill."""
    return [plan.full_name for plan in plans(int(pytestconfig.getoption("repositories") or 0))]


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    s3_server: SharedServer,  # noqa: F811
    receiver: Receiver,
    keys: list[str],
) -> Iterator[Deployment]:
    if find_spec("dagster_celery") is None:
        absent("launchers", "dagster-celery is not installed: make .venv/launchers")
    if shutil.which("redis-server") is None:
        absent("redis", "Debian's redis-server is not installed")
    folder = tmp_path_factory.mktemp("workers")
    services = (*WORKERS, "daemon", "webserver", "proxy")
    own = {
        "GITPULSE_INSTANCE": "deploy/workers",
        "GITPULSE_BATCH_SIZE": str(max(4, len(keys) // 8)),
        # So that it is known which page comes after which; test_segments.py kills walks of several.
        "GITPULSE_REQUESTS_AT_ONCE": "1",
    }
    there, scale = [*plans(len(keys)), HistoryPlan(REPO.key, issue_count=20)], {"worker": len(WORKERS)}
    with deployed(
        folder, s3_server.options, receiver, ("redis",), "gitpulse-workers", there, scale, **own
    ) as running:
        raise_limits(folder / "srv" / "deploy" / "workers" / "dagster.yaml")
        for name in services:
            running.compose.start(name)
        running.compose.wait_healthy(*services)
        for key in keys:
            assert running.ask(ADD, selector=SELECTOR, key=key)
        yield running


def raise_limits(path: Path) -> None:
    """Let as many runs be under way as three workers execute, and of a backfill one for each of them."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    runs = told["concurrency"]["runs"]
    runs["max_concurrent_runs"] = 2 * len(WORKERS)
    (of_backfill,) = [one for one in runs["tag_concurrency_limits"] if one["key"] == "dagster/backfill"]
    of_backfill["limit"] = len(WORKERS)
    path.write_text(yaml.safe_dump(told), encoding="utf-8")


def at_work(deployment: Deployment) -> dict[str, str]:
    """Which run is at work on which repository, by its id."""
    runs = deployment.runs(statuses=["STARTED"])
    tags = {run["runId"]: {tag["key"]: tag["value"] for tag in run["tags"]} for run in runs}
    return {run_id: own[AT_WORK_TAG] for run_id, own in tags.items() if AT_WORK_TAG in own}


def worker_of(deployment: Deployment, run_id: str, alive: Sequence[str]) -> str | None:
    """The living worker one of whose processes executes the run."""
    told = {event.get("message") for event in deployment.events(run_id)}
    pids = {name: children(deployment.compose.pid(name)) for name in alive}
    return next(
        (
            name
            for name, some in pids.items()
            if told & {f"Started process for run (pid: {pid})." for pid in some}
        ),
        None,
    )


def killed_in_its_walk(deployment: Deployment) -> Death:
    """Kill the worker whose walk waits for a page."""
    ((run_id, key),) = [item for item in at_work(deployment).items() if item[1] == "many/r000"]
    name = worker_of(deployment, run_id, WORKERS)
    assert name is not None
    deployment.compose.kill(name)
    return Death(name, run_id, key, time.time())


def killed_between_silver_and_gold(deployment: Deployment, alive: Sequence[str]) -> Death:
    """Kill a worker that has published a repository's silver tables, and not its gold ones."""

    def caught() -> Death | None:
        for run_id, key in at_work(deployment).items():
            name = worker_of(deployment, run_id, alive)
            if name and is_soon_between(deployment.lake, Repo.parse(key)):
                deployment.compose.freeze(name)
                if is_between(deployment.lake, Repo.parse(key)):
                    deployment.compose.kill(name)
                    return Death(name, run_id, key, time.time())
                deployment.compose.thaw(name)
        return None

    return wait_until("a worker is between silver and gold", caught)


def is_between(lake: Lake, repo: Repo) -> bool:
    """Whether the silver tables of a repository are published and its gold ones are not."""
    return lake.commit("silver", repo) is not None and lake.commit("gold", repo) is None


def is_soon_between(lake: Lake, repo: Repo) -> bool:
    """Wait for that, unless it has been before, for some seconds."""
    until = time.monotonic() + 5
    while time.monotonic() < until and lake.commit("gold", repo) is None:
        if is_between(lake, repo):
            return True
    return False


@dataclass(frozen=True)
class Story:
    """What a backfill lived through; `disturbed`: how often something died while a run was at work on whom.

    Whichever worker's run it was: a few more than a death disturbed.
    """

    seconds: float
    connection_count: int
    deaths: list[Death]
    ended_at: list[float]
    taken_up_by: list[str | None]
    disturbed: Counter[str]
    statuses: list[str]

    @property
    def seconds_until_dead(self) -> list[float]:
        """From each death until it was known."""
        return [end - death.killed_at for end, death in zip(self.ended_at, self.deaths, strict=True)]


@pytest.fixture(scope="module")
def hang(deployment: Deployment) -> Fault:
    """Have GitHub let a walk wait for ever once, and be as far away as it is for everybody."""
    hang = Fault("hang", f"&page={PAGE}")
    deployment.sandbox.app.faults[:] = [hang, Fault("slow", times=ALWAYS, seconds=0.05)]
    return hang


@pytest.fixture(scope="module")
def backfill_id(deployment: Deployment, hang: Fault) -> str:
    """Launch a backfill of all tables of all repositories, as a person does."""
    with browsing(deployment) as page:
        page.goto(f"/asset-groups~{quote(TABLES)}/")
        page.get_by_text("Materialize all").first.click()
        page.get_by_role("button", name="All", exact=True).click()
        page.get_by_role("button", name="Launch backfill").click()
        (backfill,) = wait_until("the backfill is there", lambda: backfills(deployment))
    return backfill["id"]


def backfills(deployment: Deployment) -> list[dict[str, str]]:
    return deployment.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]


@pytest.fixture(scope="module")
def story(deployment: Deployment, backfill_id: str, hang: Fault, keys: list[str]) -> Iterator[Story]:
    """Let everything die under the backfill, and wait for its end."""
    alive, began = list(WORKERS), time.time()
    wait_until("a walk waits", lambda: hang.seen_count)
    connection_count = deployment.database.connection_count()
    disturbed = Counter(set(at_work(deployment).values()))
    with neighbours(deployment):
        deaths = [killed_in_its_walk(deployment)]
        alive.remove(deaths[0].worker)
        deaths.append(killed_between_silver_and_gold(deployment, alive))
        disturbed.update(set(at_work(deployment).values()))
        alive.remove(deaths[1].worker)
        ended = [deployment.wait_for_run(death.run_id, "FAILURE")["endTime"] for death in deaths]
        taken_up_by = [taken_up(deployment, death.run_id, alive) for death in deaths]
        deployment.compose.kill("redis")
        deployment.compose.start("redis")
        before = wait_until("a run is at work", lambda: at_work(deployment))
        assert deployment.database.cut_all() > 0
        disturbed.update({*before.values(), *at_work(deployment).values()})
        seen_by_a_person(deployment, backfill_id)
        statuses = statuses_until_success(deployment, backfill_id)
    seconds = time.time() - began
    story = Story(seconds, connection_count, deaths, ended, taken_up_by, disturbed, statuses)
    yield story
    print("\n" + figures(deployment, keys, story))


@contextmanager
def neighbours(deployment: Deployment) -> Iterator[None]:
    """Have others ask GitHub with the workers' token, as much as they may at once."""
    command, environment = [sys.executable, "-c", NEIGHBOUR], deployment.compose.environment("worker")
    processes = [subprocess.Popen(command, env=environment) for _ in range(NEIGHBOURS)]
    try:
        yield
        assert [process.wait(60) for process in processes] == [0] * NEIGHBOURS
    finally:
        for process in processes:
            process.kill()


def seen_by_a_person(deployment: Deployment, backfill_id: str) -> None:
    """Look at the backfill's runs while it is under way: a worker's death, and what is executed again."""
    with browsing(deployment) as page:
        page.goto(f"/runs/b/{backfill_id}?tab=runs")
        for words in ("Failure", "Re-execution"):
            expect(page.get_by_text(words).first).to_be_visible()


def figures(deployment: Deployment, keys: list[str], story: Story) -> str:
    """What the story took, in one line."""
    dead = ", ".join(f"{seconds:.0f}" for seconds in story.seconds_until_dead)
    return (
        f"{len(keys)} repositories in {story.seconds:.0f} s ({' then '.join(story.statuses)}); "
        f"found dead after {dead} s; pages fetched again: {pages_again(deployment).total()} "
        f"by what died under {story.disturbed.total()} repositories; "
        f"limit violations: {len(refused(deployment))}; connections: {story.connection_count}; "
        f"rows twice: {sum(rows_twice(deployment, key, TOLD_APART) for key in keys)}; "
        f"records received twice: {sum(rows_twice(deployment, key, RECEIVED) for key in keys)}"
    )


def taken_up(deployment: Deployment, run_id: str, alive: Sequence[str]) -> str | None:
    """The worker that executes a killed run's retry, or that one's where it was killed as well.

    It waits for batches that were before it.
    """

    def found() -> str | None:
        workers = (worker_of(deployment, retry, alive) for retry in retries(deployment, run_id))
        return next(filter(None, workers), None)

    return wait_until("a worker has the retry", found, 1800)


def retries(deployment: Deployment, run_id: str) -> Iterator[str]:
    """Those of a run, and theirs."""
    for run in deployment.runs(tags=[{"key": "dagster/parent_run_id", "value": run_id}]):
        yield run["runId"]
        yield from retries(deployment, run["runId"])


def statuses_until_success(deployment: Deployment, backfill_id: str) -> list[str]:
    """How the backfill ended: well, or first as failed, until it was opened again."""
    seen: list[str] = []

    def is_success() -> bool:
        status = deployment.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]["status"]
        if status.startswith(("COMPLETED", "FAILED", "CANCELED")) and status not in seen:
            seen.append(status)
        return status == "COMPLETED_SUCCESS"

    wait_until("the backfill ends well", is_success, 3000)
    return seen


def test_a_backfill_ends_well_whatever_dies(page: Page, story: Story, backfill_id: str):
    assert story.statuses[-1] == "COMPLETED_SUCCESS"
    page.goto(f"/runs/b/{backfill_id}")
    expect(page.get_by_text("Succeeded").first).to_be_visible()


def test_a_run_of_a_killed_worker_is_found_dead_and_taken_up_by_another(story: Story):
    """Celery tells of it as started for ever (dagster#33493)."""
    assert max(story.seconds_until_dead) < DEAD_WORKER_SECONDS_MAX
    assert all(story.taken_up_by)


def test_every_repository_is_complete_and_every_day_of_it_true(
    deployment: Deployment, keys: list[str], story: Story
):
    world = deployment.sandbox.world
    for repo in map(Repo.parse, keys):
        with duckdb.connect() as con:
            for contract in (MART_ISSUE_DAILY_FLOW, ISSUE_CURRENT):
                con.register(contract.name, deployment.lake.dataset(contract, repo).to_table())
            verdict = judge_days(con, world.truth(repo.key), [Walk(world.clock)])
        assert verdict.mistakes == [], repo
        assert verdict.days > 30


def test_nothing_is_there_twice(deployment: Deployment, keys: list[str], story: Story):
    assert {key: twice for key in keys if (twice := rows_twice(deployment, key, TOLD_APART))} == {}
    # What was received is kept as it came; who was disturbed may have received it again.
    again = {key for key in keys if rows_twice(deployment, key, RECEIVED)}
    assert again <= story.disturbed.keys()
    with deployment.database.cursor() as cursor:
        cursor.execute(TOLD)
        told = dict(cursor.fetchall())
    assert told.keys() == set(keys)
    # Whoever died, or was cut off, between a table's publication and the telling of it tells it again.
    assert sum(told.values()) - len(keys) <= len(story.deaths) + 2


def rows_twice(deployment: Deployment, key: str, tables: Mapping[TableContract, tuple[str, ...]]) -> int:
    """How many rows of a repository's tables are there more than once."""
    twice = 0
    for contract, columns in tables.items():
        table = deployment.lake.dataset(contract, Repo.parse(key)).to_table(columns=list(columns))
        twice += table.num_rows - table.group_by(columns).aggregate([]).num_rows
    return twice


def test_whatever_dies_costs_at_most_ten_pages_again(deployment: Deployment, keys: list[str], story: Story):
    again = pages_again(deployment)
    there = deployment.sandbox.world.repositories
    ids = {number: f"{one.owner}/{one.name}".lower() for number, one in there.items()}
    lists = Counter[str]()
    for (target, question), count in again.items():
        if not question:
            lists[repository_of(target, ids)] += count
    assert lists.keys() <= story.disturbed.keys()
    assert all(count <= PAGES_AGAIN_MAX * story.disturbed[key] for key, count in lists.items())
    assert lists["many/r000"] >= 1
    questions = again.total() - lists.total()
    assert questions <= PAGES_AGAIN_MAX * story.disturbed.total()


def repository_of(target: str, ids: Mapping[int, str]) -> str:
    """Whose list a request asked for, by its name or, behind the first page, its id; its key."""
    _, place, *names = urlsplit(target).path.split("/")
    return ids[int(names[0])] if place == "repositories" else "/".join(names[:2])


def pages_again(deployment: Deployment) -> Counter[tuple[str, str]]:
    """How often each page was fetched again, by its address and question."""
    asked = Counter((line.target, line.asked) for line in deployment.sandbox.app.log if is_page(line))
    return Counter({page: count - 1 for page, count in asked.items() if count > 1})


def is_page(line: Served) -> bool:
    """Whether it is a page of records that came, and no look at what is newest.

    Nor GitHub's count, which each walk asks for before and after.
    """
    is_question = line.method == "POST" and not line.asked.startswith("IssueCounts ")
    return line.status == 200 and ("per_page=100" in line.target or is_question)


def test_connections_to_the_database_are_kept(deployment: Deployment, story: Story):
    """Dagster itself makes three for an event."""
    with deployment.database.cursor() as cursor:
        cursor.execute(SESSIONS)
        ((session_count, event_count),) = cursor.fetchall()
    assert session_count < event_count / 2


def test_githubs_limits_are_kept_by_all_workers_together(deployment: Deployment, story: Story):
    """The stand-in refuses what is too much at once or in a minute: where each keeps its own pace, it is."""
    assert refused(deployment) == []


def refused(deployment: Deployment) -> list[Served]:
    """What GitHub did not answer as asked; 0 is the page that a killed walk waited for."""
    return [line for line in deployment.sandbox.app.log if line.status not in {0, 200, 304}]


def test_a_run_that_is_called_off_ends_as_canceled(deployment: Deployment, story: Story):
    """dagster-celery lets it end as failed, and Dagster retries it."""
    deployment.sandbox.app.faults.clear()
    assert deployment.ask(ADD, selector=SELECTOR, key=REPO.key)
    run_id = deployment.hanging_run()
    deployment.ask(TERMINATE, id=run_id)
    deployment.wait_for_run(run_id, "CANCELED")
