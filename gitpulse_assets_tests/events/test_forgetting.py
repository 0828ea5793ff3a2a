"""A person who is forgotten leaves kept hour files, event rows, typed tables and unusable lines."""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gitpulse_assets.contracts.events import PUBLIC_EVENT
from gitpulse_assets.events.backfill import Backfill
from gitpulse_assets.events.fetching import Fetcher
from gitpulse_assets.events.forgetting import Person, forget_in_events
from gitpulse_assets.events.ledger import hour_rows, put_rows
from gitpulse_assets.events.projection import projections
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.backup import back_up, restore
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parts import open_parts, together
from gitpulse_assets.place import Day
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.model import User
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.collect.conftest import Crash, CrashingStore
from gitpulse_assets_tests.events.hours import START, compact, event
from gitpulse_assets_tests.events.organisation import Organisation, polled
from gitpulse_assets_tests.s3_server import no_caller_settings, own_server, s3_server, storage

__all__ = ["no_caller_settings", "own_server", "s3_server", "storage"]

OCTO = {"login": "Octocat", "id": 583231, "url": "https://api.github.com/users/Octocat"}
OTHER = {"login": "ada", "id": 7}


def lines() -> list[str]:
    """What Octocat did, what others did with them, and what is nobody's."""
    pull_request = {"id": 5, "user": OCTO, "title": "Mine", "body": "My words", "merged": False}
    commits = [
        {"sha": "ab", "author": {"name": "Mona", "email": "mona@example.org"}, "message": "I fixed it"}
    ]
    comment = {"id": 9, "user": OTHER, "body": "Thanks @octocat"}
    fork = {"id": 3, "full_name": "Octocat/r1", "owner": OCTO, "html_url": "https://github.com/Octocat/r1"}
    fork |= {"ssh_url": "git@github.com:Octocat/r1.git", "url": "https://api.github.com/repos/Octocat/r1"}
    made = [
        event(1, START, "WatchEvent", login="Octocat"),
        event(
            2,
            START,
            "PullRequestEvent",
            login="ada",
            payload={"action": "opened", "pull_request": pull_request},
        ),
        event(3, START, "PushEvent", login="octocat", payload={"ref": "m", "commits": commits}),
        event(4, START, "IssueCommentEvent", payload={"action": "created", "comment": comment}),
        event(5, START, "ForkEvent", login="octocat", payload={"forkee": fork}),
        event(6, START, "WatchEvent", login="octocat-fan"),
        {**event(7, START, "WatchEvent"), "repo": {"id": 8, "name": "Octocat/hello"}},
    ]
    return [
        *map(compact, made),
        "octocat broke this line",
        compact({**event(8, START), "type": "", "org": OCTO}),
    ]


def write_archive(root: Path) -> None:
    (root / "archive").mkdir()
    packed = gzip.compress("\n".join(lines()).encode())
    (root / "archive" / f"{START:%Y-%m-%d}-{START.hour}.json.gz").write_bytes(packed)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    write_archive(tmp_path)
    return f"a={tmp_path / 'archive'}"


def stored_text(lake: Lake, prefix: str) -> str:
    """Everything below a prefix, unpacked, in lower case."""
    texts = []
    for info in lake.store.list(prefix):
        opened = lake.store.open(info.key)
        assert opened
        with opened.file as file:
            if info.key.endswith(".gz"):
                file.seek(0)
                texts.append(gzip.decompress(file.read()).decode())
            elif info.key.endswith(".parquet"):
                texts.append(str(pq.ParquetFile(file).read().to_pylist()))
    return "\n".join(texts).lower()


def names_octocat(lake: Lake) -> bool:
    """Whether the login, its id or one of its words is anywhere; a longer login is another's."""
    text = stored_text(lake, "silver/") + stored_text(lake, paths.HOUR_FILES)
    rest = text.replace("octocat-fan", "")
    return any(word in rest for word in ("octocat", "583231", "my words", "mona", "i fixed it", "'mine'"))


def forget(lake: Lake, con):
    return forget_in_events(lake, con, "octocat", projections())


def test_a_forgotten_person_is_nowhere_and_nothing_else_is_lost(storage, archive, run, con):
    lake = storage.open()
    run(lake, archive, days=1)
    assert names_octocat(lake)
    before = events_of(lake, con)
    forgotten = forget(lake, con)
    assert (forgotten.file_count, forgotten.event_count) == (1, 6)
    assert not names_octocat(lake)
    after = events_of(lake, con)
    assert [row["event_id"] for row in after] == [row["event_id"] for row in before]
    assert [row["actor_login"] for row in after] == [
        "ghost",
        "ada",
        "ghost",
        "ada",
        "ghost",
        "octocat-fan",
        "ada",
    ]
    assert after[6]["repository_name"] == "ghost/hello"
    assert after[5] == before[5]
    assert all(row["payload_bytes"] == len(row["payload_json"].encode()) for row in after)


def events_of(lake: Lake, con) -> list[dict]:
    day = Day(START.date())
    parts = open_parts(lake.store, PUBLIC_EVENT, day, lake.commit("silver", day))
    rows = together(PUBLIC_EVENT, list(parts.values())).to_table().to_pylist()
    return sorted(rows, key=lambda row: row["event_id"])


def test_typed_tables_say_the_same_and_hold_as_many_rows(lake, archive, run, con, stored):
    run(lake, archive, days=1)
    forget(lake, con)
    (row,) = stored("public_pull_request")
    assert (row["title"], row["author_login"], row["pull_request_id"]) == ("[forgotten]", "ghost", 5)
    assert sorted(row["actor_login"] for row in stored("public_watch")) == ["ada", "ghost", "octocat-fan"]
    # Of types that were not typed when they came, nothing is typed now.
    assert not list(lake.store.list("silver/public_fork/"))
    assert sum(row["event_count"] for row in stored("event_hour")) == 7


def test_the_kept_file_is_read_again_without_bringing_anything_back(lake, archive, run, con, stored):
    run(lake, archive, days=1)
    forget(lake, con)
    (row,) = [row for row in hour_rows(lake, Day(START.date())) if row.status == "whole"]
    (info,) = lake.store.list(paths.HOUR_FILES)
    content = Path(lake.store.uri(info.key)).read_bytes()
    assert (row.sha256, row.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (row.is_checksum_confirmed, row.detail) == (
        False,
        "a person was taken out of the file that is kept",
    )
    assert len(gzip.decompress(content).splitlines()) == len(lines())
    assert lake.examine(Day(START.date())) == []
    before = stored()
    put_rows(lake, Day(START.date()), [replace(row, status="received")])
    run(lake, archive, days=1)
    assert stored() == before


def test_a_feed_that_serves_an_event_once_more_brings_nobody_back(lake, con, stored):
    of, rocket = Organisation(), Repo("acme", "rocket")
    feed, at, ada = of.world.feed("acme/rocket"), of.world.clock, User(7, "ada")
    comment = {"action": "created", "comment": {"user": OCTO, "body": "My words"}}
    feed.publish("IssueCommentEvent", at + 1, comment, actor=User(583231, "octocat"))
    theirs = {"action": "closed", "issue": {"user": OCTO, "body": "My words"}}
    feed.publish("IssuesEvent", at + 2, theirs, actor=ada)
    for number in range(9):
        of.world.advance(seconds=1000)
        polled(lake, con, of, rocket)
        assert names_octocat(lake) is (number == 0)
        assert len(stored()) == number + 2
        forget(lake, con)
        # With each poll a part comes; the eighth puts them together.
        feed.publish("PushEvent", of.world.clock + 1, actor=ada)
    assert [row["is_forgotten"] for row in stored() if row["event_type"] != "PushEvent"] == [True, True]


def test_forgetting_again_and_somebody_unknown_changes_nothing(lake, archive, run, con):
    run(lake, archive, days=1)
    forget(lake, con)
    objects = etags(lake)
    assert forget(lake, con).event_count == 0
    assert forget_in_events(lake, con, "nobody-here", projections()).file_count == 0
    assert etags(lake) == objects


def etags(lake: Lake) -> dict[str, str]:
    listed = [info.key for info in lake.store.list("") if not info.key.startswith("_")]
    found = {key: lake.store.head(key) for key in listed}
    return {key: info.etag for key, info in found.items() if info}


# Twice as many as there are writes, so that all of them are met wherever they come.
POINTS = [pytest.param(n, marks=() if n % 9 == 4 else pytest.mark.slow) for n in range(1, 61)]


@pytest.fixture(scope="session")
def merged_folder(tmp_path_factory, con) -> Path:
    """A lake with the hour merged, to be copied."""
    root = tmp_path_factory.mktemp("merged")
    write_archive(root)
    setting = parse_archives(f"a={root / 'archive'}")
    with Fetcher() as fetcher:
        lake = Lake.open(str(root / "lake"))
        Backfill(lake, con, fetcher, projections()).days(setting, START.date(), START.date())
    return root / "lake"


@pytest.mark.parametrize("point", POINTS)
def test_case_17_a_call_that_dies_at_any_write_is_finished_by_the_next(tmp_path, merged_folder, con, point):
    shutil.copytree(merged_folder, tmp_path / "lake")
    lake = Lake.open(str(tmp_path / "lake"))
    try:
        forget(Lake(CrashingStore(lake.store, point // 2, is_after=point % 2 == 1)), con)
    except Crash:
        pass
    else:
        assert point // 2 == 0 or point > 30, "it comes to its end without that many writes"
    forget(lake, con)
    assert not names_octocat(lake)
    assert len(events_of(lake, con)) == 7


def test_a_file_that_cannot_be_read_is_not_kept(lake, archive, run, con, tmp_path):
    key = paths.hour_file_key("a", Day(START.date()), "torn.json.gz")
    path = tmp_path / "torn"
    path.write_bytes(gzip.compress(("x" * 999 + "\n").encode() * 999 + lines()[0].encode())[:-9])
    lake.store.put(key, path)
    forget(lake, con)
    assert lake.store.head(key) is None


def test_a_backup_forgets_with_its_next_run(lake, archive, run, con, tmp_path):
    run(lake, archive, days=1)
    place = Lake.open(str(tmp_path / "backup")).store
    back_up(lake.store, place)
    forget(lake, con)
    back_up(lake.store, place)
    restored = Lake.open(str(tmp_path / "restored"))
    assert restore(place, restored.store).troubles == ()
    assert len(events_of(restored, con)) == 7
    for found in (restored, Lake(place)):
        assert not names_octocat(found)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b'{"a":"octocat"}\n', b'{"a":"ghost"}\n'),
        (b'{"a":"an octocat"}\n', b'{"a":"an octocat"}\n'),
        (b'{"a":"@Octocat and octocats"}\r\n', b'{"a":"@ghost and octocats"}\r\n'),
        (b'{"label":"octocat:main","x/octocat/y":1}', b'{"label":"ghost:main","x/octocat/y":1}'),
        (b'{"u":"https://api.github.com/users/octocat"}', b'{"u":"https://api.github.com/users/ghost"}'),
        (b'{"u":"https://github.com/octocat-fan/r"}', b'{"u":"https://github.com/octocat-fan/r"}'),
        (b"octocat {\n", b"[forgotten]\n"),
        (
            b'{"a":"\\ud83d","user":{"login":"octocat","id":1}}',
            b'{"a":"\\ud83d","user":{"login":"ghost","id":10137}}',
        ),
    ],
)
def test_what_is_left_of_a_line(line, left):
    """A word that happens to be a login is somebody else's text, and stays; names and mentions go."""
    assert Person("octocat").out_of_line(line) == left


def test_json_is_kept_as_it_was_where_the_person_is_not_in_it():
    line = json.dumps({"a": "octocat is a word", "b": [1, 2]}).encode()
    assert Person("octocat").out_of_line(line) == line


def event_without(login: str, made: dict) -> list[dict]:
    """An event without a person: its line, and its row."""
    person = Person(login)
    text = person.out_of_line(compact(made).encode())
    row = {
        "actor_login": made["actor"]["login"],
        "actor_id": made["actor"]["id"],
        "repository_name": made["repo"]["name"],
        "payload_json": json.dumps(made["payload"]),
    }
    cleaned = person.out_of_row(row)
    assert cleaned["payload_bytes"] == len(cleaned["payload_json"].encode())
    payloads = [json.loads(text)["payload"], json.loads(cleaned["payload_json"])]
    assert [json.loads(text)["repo"]["name"]] == [cleaned["repository_name"]]
    return payloads


def test_a_label_or_branch_that_begins_as_a_login_is_nobodys_repository():
    label = {"id": 1, "name": "kind/bug", "description": "kind"}
    payload = {
        "action": "labeled",
        "label": label,
        "issue": {"title": "kind/bug: it is slow", "labels": [label], "milestone": {"title": "kind"}},
        "ref": "kind/bug",
    }
    made = event(1, START, "IssuesEvent", login="ada", payload=payload)
    assert event_without("kind", made) == [payload, payload]


@pytest.mark.parametrize(
    ("login", "payload", "wanted"),
    [
        ("kind", {"ref": "kind/fix"}, {"ref": "ghost/fix"}),
        ("kind", {"ref": "refs/heads/kind/fix"}, {"ref": "refs/heads/ghost/fix"}),
        ("kind", {"ref": "main"}, {"ref": "main"}),
        ("ada", {"forkee": {"full_name": "Kind/r1"}}, {"forkee": {"full_name": "ghost/r1"}}),
        ("ada", {"head": {"label": "kind:x"}}, {"head": {"label": "ghost:x"}}),
        ("ada", {"url": "https://github.com/kind/r1/pull/1"}, {"url": "https://github.com/ghost/r1/pull/1"}),
    ],
)
def test_what_is_a_persons_by_its_place_is_the_ghosts(login: str, payload: dict, wanted: dict):
    made = event(1, START, "CreateEvent", login=login, payload=payload)
    made["repo"] = {"id": 1, "name": "Kind/r1"}
    assert event_without("kind", made) == [wanted, wanted]


@pytest.mark.parametrize(
    ("name", "email", "is_theirs"),
    [
        ("Kind", "k@example.org", True),
        ("K", "kind@users.noreply.github.com", True),
        ("K", "12+kind@users.noreply.github.com", True),
        ("Be kind", "be@kinder.org", False),
    ],
)
def test_a_commit_somebody_else_pushed_names_nobody_by_their_login(name: str, email: str, is_theirs: bool):
    commits = [{"sha": "ab", "author": {"name": name, "email": email}, "message": "Fix"}]
    gone = [{"sha": "ab", "author": {"name": "ghost", "email": ""}, "message": None}]
    wanted = {"commits": gone if is_theirs else commits}
    made = event(1, START, "PushEvent", login="ada", payload={"commits": commits})
    assert event_without("kind", made) == [wanted, wanted]
