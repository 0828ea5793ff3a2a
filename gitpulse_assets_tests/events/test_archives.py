"""GITPULSE_ARCHIVES, and what archives answer."""

import hashlib
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from gitpulse_assets.events.fetching import ArchiveUnreachable, Fetcher, promised_sha256
from gitpulse_assets.events.ledger import in_words
from gitpulse_assets.setting_values.archives import parse_archives
from gitpulse_assets_tests.events.hours import START, event, packed

A, B = "a" * 64, "b" * 64
NAME = "2026-03-01-21.json.gz"


def test_an_archive_says_where_it_is_and_which_days_it_serves():
    old, mine = parse_archives(
        "old=https://example.org/x/ 2015-01-01..2025-12-31; mine=/data manifest={file}.sha256"
    )
    assert (old.address, old.folder) == ("https://example.org/x", None)
    assert [old.serves(date(2025, 12, 31)), old.serves(date(2026, 1, 1))] == [True, False]
    assert (mine.folder, mine.manifest) == (Path("/data"), "{file}.sha256")
    assert mine.serves(date(2100, 1, 1))
    # Of this machine, such as the sandbox's.
    (own,) = parse_archives("own=http://127.0.0.1:8000/archive")
    assert own.folder is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://example.org", "not name=address"),
        ("a=ftp://example.org", "neither https"),
        ("a=http://example.org", "neither https"),
        ("a=https://user:pass@example.org", "no user"),
        ("a=/x 2014-12-31..", "begin at 2015-01-01"),
        ("a=/x 2026-02-30..", "no day 2026-02-30"),
        ("a=/x 2026-02-02..2026-02-01", "before its first"),
        ("a=/x yesterday", "only dates"),
        ("a=/x; a=/y", "same name"),
    ],
)
def test_a_wrong_archive_is_refused_with_an_example(text: str, words: str):
    with pytest.raises(ValueError, match=words):
        parse_archives(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:secret@example.org",
        "Mine=https://user:secret@example.org",
        "a=https://:secret@example.org",
        "a=https://example.org/?key=secret",
        "a=/x https://user:secret@example.org",
    ],
)
def test_15_a_password_in_an_archive_s_address_is_refused_and_not_shown(text: str):
    with pytest.raises(ValueError, match=r"for example|follow the address") as refusal:
        parse_archives(text)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        (f"{A}  {NAME}\n", A),
        (f"{B}  other.json.gz\n{A}  {NAME}\n", A),
        (f"{B}  other\n{A}  another\n", None),
        (json.dumps({"sha256": A, "count": 3}), A),
        (json.dumps({"uncompressed_sha256": B, "compressed_sha256": A}), A),
        (json.dumps({"files": [{"name": "x", "sha256": B}, {"name": NAME, "sha256": A}]}), A),
        (json.dumps({"2026-03-01-20.json.gz": {"sha256": B}, NAME: {"sha256": A}}), A),
        (json.dumps({"2026-03-01-20.json.gz": {"sha256": B}}), None),
        ("", None),
    ],
)
def test_a_manifest_names_the_checksum_of_its_own_file_only(manifest: str, found: str | None):
    assert promised_sha256(manifest, NAME) == found


def test_a_folder_that_is_not_there_is_not_a_missing_hour(tmp_path):
    archive = parse_archives(f"a={tmp_path / 'nowhere'}")[0]
    with Fetcher() as fetcher, pytest.raises(ArchiveUnreachable, match="no such folder"):
        fetcher.fetch(archive, START, tmp_path / "file")


def test_a_file_that_is_not_the_manifests_is_kept_out(tmp_path, lake, run):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / NAME).write_bytes(packed([event(1, START)]))
    (folder / f"{NAME}.sha256").write_text(f"{A}  {NAME}\n")
    rows = run(lake, f"a={folder} manifest={{file}}.sha256", days=1)
    assert [row.status for row in rows if row.status != "missing"] == ["contradicted"]
    assert list(lake.store.list("silver/public_event/")) == []
    (folder / f"{NAME}.sha256").unlink()
    rows = run(lake, f"a={folder} manifest={{file}}.sha256", days=1)
    assert [(row.status, row.row_count, row.is_checksum_confirmed) for row in whole(rows)] == [
        ("whole", 1, False)
    ]
    assert in_words(whole(rows)[0]).endswith("; the archive's manifest names no checksum of it")


def whole(rows):
    return [row for row in rows if row.status != "missing"]


def test_a_manifest_may_stand_under_the_hour_s_name(tmp_path, lake, run):
    """As the OpenDigger mirror has it: 2026-03-01-21.manifest.json beside 2026-03-01-21.json.gz."""
    folder, content = tmp_path / "a", packed([event(1, START)])
    folder.mkdir()
    (folder / NAME).write_bytes(content)
    own = {"event_count": 1, "compressed_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "2026-03-01-21.manifest.json").write_text(json.dumps(own))
    rows = run(lake, f"a={folder} manifest={{hour}}.manifest.json", days=1)
    assert [(row.is_checksum_confirmed, row.detail) for row in whole(rows)] == [(True, None)]


@pytest.mark.dear
def test_archives_are_read_without_loading_dagster_which_costs_as_much_as_a_file():
    statement = "import sys, gitpulse_assets.commands.events; print('dagster' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
