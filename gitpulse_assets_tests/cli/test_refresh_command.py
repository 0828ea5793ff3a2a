"""`gitpulse refresh`: its words, its exit codes, and that nothing is ever a traceback."""

import errno
import re
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from gitpulse_assets.commands import refresh as command
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, PARTIAL, WRONG_USE
from gitpulse_assets.lake.folder_store import FolderStore
from gitpulse_assets.repo import Repo
from gitpulse_assets.runs.launch import RunOutcome
from gitpulse_assets.sandbox.faults import ALWAYS, Fault, web_page

LIST = "per_page=100"


def test_a_refresh_says_in_one_line_what_it_did(refreshed):
    line = (
        r"acme/rocket: full walk, 210 records in 3 pages, 210 new and 0 changed, "
        r"\d+\.\d s, \d+ requests for \d+ quota units\n"
    )
    assert refreshed.result.exit_code == DONE
    assert re.fullmatch(line, refreshed.result.stdout)
    assert refreshed.result.stderr == ""


def test_it_uses_the_embedded_default_below_the_working_directory(refreshed):
    assert (refreshed.home / ".gitpulse" / "lake" / "gold").is_dir()
    assert (refreshed.home / ".gitpulse" / "dagster" / "history" / "runs.db").is_file()
    assert {path.name for path in refreshed.home.iterdir()} == {".gitpulse"}


def test_a_second_refresh_finds_nothing_changed(refreshed):
    result = refreshed.gitpulse("refresh", "ACME/Rocket")
    assert result.exit_code == DONE
    assert re.fullmatch(
        r"acme/rocket: nothing changed, \d+\.\d s, 2 requests for 0 quota units\n", result.stdout
    )


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [
        ("acme/nosuch", "good", "acme/nosuch is not found at 127.0.0.1, or not visible to the token in use"),
        ("acme/closed", "good", "acme/closed has its issues disabled; take it off the watch list"),
        ("acme/rocket", "bad_token", "127.0.0.1 does not accept token 1 of 1 (401: Bad credentials)"),
    ],
)
def test_what_github_refuses_is_one_line(gitpulse, monkeypatch, name, token, words):
    monkeypatch.setenv("GITHUB_TOKEN", token)
    result = gitpulse("refresh", name)
    assert (result.exit_code, result.stdout) == (FAILED, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{name}: failed: {words}")


def test_a_limit_says_until_when(gitpulse, sandbox, monkeypatch):
    monkeypatch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
    fault = Fault("secondary_limit", match="/repos/acme/rocket", times=ALWAYS, retry_after_seconds=600)
    sandbox.app.faults.append(fault)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == PARTIAL
    said = "127.0.0.1 limits token 1 of 1 until 2026-06-30 12:10:00 UTC; go on then"
    assert result.stderr == f"acme/rocket: partial, run it again to go on: {said}\n"


def test_a_limit_in_mid_walk_is_partial(gitpulse, sandbox, monkeypatch):
    monkeypatch.setenv("GITPULSE_PATIENCE_SECONDS", "0")
    fault = Fault("secondary_limit", match=LIST, skip=1, times=ALWAYS, retry_after_seconds=600)
    sandbox.app.faults.append(fault)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == PARTIAL
    assert result.stderr.startswith("acme/rocket: partial, run it again to go on: 127.0.0.1 limits token 1")


def test_a_list_that_github_ends_early_says_what_to_do(gitpulse, sandbox, no_delay):
    cap = '{"message": "Pagination with the page parameter is not supported for large datasets"}'
    sandbox.app.faults.append(Fault("status", match=LIST, skip=1, times=ALWAYS, status=422, body=cap))
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    assert result.stderr.startswith(
        "acme/rocket: failed: acme/rocket: GitHub ended the issue list after 100 "
    )
    assert "Another run begins it anew" in result.stderr


@pytest.mark.slow
def test_24_a_list_cut_short_is_partial(gitpulse, sandbox):
    """Its third page comes without records, whoever asks for it again."""
    sandbox.app.faults.append(Fault("empty", match="&page=3", times=ALWAYS))
    result = gitpulse("refresh", "acme/rocket")
    assert (result.exit_code, result.stdout) == (PARTIAL, "")
    assert "nothing is published from a list cut short" in result.stderr.splitlines()[-1]
    sandbox.app.faults.clear()
    assert gitpulse("refresh", "acme/rocket").exit_code == DONE


def test_a_wrong_address_is_wrong_use(gitpulse, sandbox):
    sandbox.app.faults.append(web_page())
    result = gitpulse("refresh", "acme/rocket")
    assert (result.exit_code, result.stdout) == (WRONG_USE, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"acme/rocket: failed: {sandbox.base_url}/repos/acme/rocket answered 404")


def test_trouble_with_lifecycles_is_partial_too(gitpulse, sandbox, no_delay):
    sandbox.app.faults.append(Fault("status", match="graphql", skip=3, times=ALWAYS, status=500))
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == PARTIAL
    assert result.stderr.splitlines()[-1].startswith("acme/rocket: partial, run it again to go on: ")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://api.github.invalid"])
def test_nobody_at_the_very_first_request_is_one_line_without_another_try(gitpulse, monkeypatch, address):
    """Refused, or a name that nobody knows: it was the same line 18 times, over more than a minute."""
    monkeypatch.setenv("GITHUB_API_URL", address)
    monkeypatch.setattr("gitpulse_assets.github.transport.back_off_seconds", forbidden)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"acme/rocket: failed: {address.split(':')[1].strip('/')} cannot be reached (")


def forbidden(attempt: int) -> float:
    raise AssertionError(f"attempt {attempt} is repeated")


@pytest.fixture
def gone_after_one_answer() -> Iterator[str]:
    """A server that answers the first request and is gone: the next ones are refused."""
    body = b'{"id": 1, "full_name": "acme/rocket", "has_issues": true, "open_issues_count": 1}'
    head = f"HTTP/1.1 200 OK\r\nDate: Mon, 03 Jun 2024 21:18:53 GMT\r\nContent-Length: {len(body)}\r\n"
    head += "X-RateLimit-Limit: 60\r\nX-RateLimit-Remaining: 59\r\nX-RateLimit-Reset: 1717453133\r\n"

    def serve() -> None:
        connection, _ = listener.accept()
        listener.close()
        with connection:
            connection.recv(65536)
            connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def test_a_network_that_goes_down_later_is_tried_again_and_said_once(
    gitpulse, monkeypatch, no_delay, gone_after_one_answer
):
    """Six attempts in each of the step's three runs, also where such a run's own first request is refused."""
    paused: list[int] = []
    monkeypatch.setattr("gitpulse_assets.github.transport.back_off_seconds", lambda n: paused.append(n) or 0)
    monkeypatch.setenv("GITHUB_API_URL", gone_after_one_answer)
    result = gitpulse("refresh", "acme/rocket")
    first, last = result.stderr.splitlines()
    assert result.exit_code == FAILED
    assert paused == [1, 2, 3, 4, 5] * 3
    assert "cannot be reached" in first
    assert "attempt 2 of 6" in first
    assert last.startswith("acme/rocket: failed: 127.0.0.1 cannot be reached")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full: free space, then run again"),
        (errno.EACCES, "make the folder writable or set GITPULSE_LAKE_URL"),
        (errno.EROFS, "the file system is read-only: set GITPULSE_LAKE_URL"),
    ],
)
def test_a_lake_that_cannot_be_written_is_one_line(gitpulse, monkeypatch, number, words):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(FolderStore, "_replace", refuse)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    (line,) = result.stderr.splitlines()
    assert words in line


def test_after_a_full_disk_the_same_command_goes_on(gitpulse):
    replace = FolderStore._replace

    def fill(self: FolderStore, source: object, key: str, **options: object) -> str:
        if "/issue_timeline/" in key:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, source, key, **options)  # pyright: ignore[reportArgumentType]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderStore, "_replace", fill)
        result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    assert "the disk is full" in result.stderr
    assert gitpulse("refresh", "acme/rocket").exit_code == DONE


@pytest.mark.parametrize("folder", ["/proc/zz", "/dev/null/lake"])
def test_a_lake_that_cannot_be_made_names_the_setting(gitpulse, monkeypatch, folder):
    monkeypatch.setenv("GITPULSE_LAKE_URL", folder)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    (line,) = result.stderr.splitlines()
    assert "set GITPULSE_LAKE_URL to a folder" in line


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_bucket_that_cannot_be_used_names_the_setting(gitpulse, monkeypatch, environment, words):
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    for name, value in {"GITPULSE_LAKE_URL": "s3://nowhere/x", **keys, **environment}.items():
        monkeypatch.setenv(name, value)
    result = gitpulse("refresh", "acme/rocket")
    assert result.exit_code == FAILED
    (line,) = result.stderr.splitlines()
    assert words in line
    assert "secret" not in line.replace("AWS_SECRET_ACCESS_KEY", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_API_URL", "nowhere"),
        ("GITHUB_GRAPHQL_URL", "ftp://x"),
        ("GITHUB_TOKEN", "two words"),
        ("GITPULSE_REPOS", "rocket"),
        ("GITPULSE_LAKE_URL", "ftp://x"),
        ("GITPULSE_PATIENCE_SECONDS", "-1"),
        ("GITPULSE_LABEL_GROUPS", "bug"),
        ("AWS_ENDPOINT_URL", "nowhere"),
        ("DAGSTER_HOME", "/dev/null/home"),
    ],
)
def test_a_wrong_setting_is_named(stored_gitpulse, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    result = stored_gitpulse("refresh", "acme/rocket")
    assert (result.exit_code, result.stdout) == (WRONG_USE, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"gitpulse: {name}: ")


def test_an_instance_that_cannot_be_opened_names_its_folder(stored_gitpulse, home):
    (home / ".gitpulse" / "dagster").mkdir(parents=True)
    (home / ".gitpulse" / "dagster" / "dagster.yaml").write_text("storage: {nonsense: 3}\n")
    result = stored_gitpulse("refresh", "acme/rocket")
    assert result.exit_code == WRONG_USE
    (line,) = result.stderr.splitlines()
    assert line.startswith("gitpulse: DAGSTER_HOME: ")


@pytest.mark.parametrize("arguments", [(), ("rocket",), ("acme/rocket", "--fast"), ("a/b/c",)])
def test_wrong_use_is_two(gitpulse, arguments):
    result = gitpulse("refresh", *arguments)
    assert result.exit_code == WRONG_USE
    assert "Usage: gitpulse refresh" in result.stderr


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch, home):
    """Have the runs of repositories end as told, by name, and return which were made."""
    made: list[str] = []
    ends = {
        "a/done": (DONE, {"is_success": True}),
        "a/failed": (FAILED, {"is_success": False}),
        "a/partial": (PARTIAL, {"is_success": False}),
        "a/misused": (WRONG_USE, {"is_success": False}),
        "a/stopped": (INTERRUPTED, {"is_success": False, "is_interrupted": True}),
    }

    def pretended(
        defs: object, instance: object, repo: Repo, *, is_full: bool, with_events: bool
    ) -> RunOutcome:
        made.append(repo.key)
        shown = {"bronze/issues": {"walk_kind": "unchanged"}}
        return RunOutcome(repo, "run", message="why", tables=shown, **ends[repo.key][1])

    monkeypatch.setattr(command, "refresh", pretended)
    monkeypatch.setattr(command, "exit_code", lambda outcome, rows: ends[outcome.repo.key][0])
    return made


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (["done"], DONE),
        (["partial", "done"], PARTIAL),
        (["partial", "failed", "done"], FAILED),
        (["failed", "partial"], FAILED),
        (["misused", "failed"], WRONG_USE),
        (["done", "stopped"], INTERRUPTED),
    ],
)
def test_of_several_repositories_the_worst_counts(gitpulse, outcomes, ends: Sequence[str], code):
    assert gitpulse("refresh", *[f"a/{end}" for end in ends]).exit_code == code
    assert outcomes == [f"a/{end}" for end in ends]


def test_an_interruption_ends_the_whole_command(gitpulse, outcomes):
    result = gitpulse("refresh", "a/stopped", "a/done")
    assert result.exit_code == INTERRUPTED
    assert outcomes == ["a/stopped"]
    assert result.stderr == "a/stopped: interrupted; what has come is kept, run it again to go on\n"


def test_without_a_name_the_watch_list_is_refreshed(gitpulse, outcomes, monkeypatch):
    monkeypatch.setenv("GITPULSE_REPOS", "a/done, a/partial")
    assert gitpulse("refresh").exit_code == PARTIAL
    assert outcomes == ["a/done", "a/partial"]


def test_trouble_of_dagsters_storage_is_one_line(gitpulse, outcomes, monkeypatch):
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("database or disk is full\nand more")

    monkeypatch.setattr(command, "refresh", broken)
    result = gitpulse("refresh", "a/failed")
    assert result.exit_code == FAILED
    assert result.stderr == (
        "a/failed: failed: Dagster cannot keep the run: RuntimeError: database or disk is full\n"
    )
