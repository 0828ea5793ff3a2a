"""Case 16: a `.env` in UTF-16 ended every command with a traceback.

PowerShell writes such files: https://github.com/motdotla/dotenv/issues/445. The Python reader of them:
https://github.com/theskumar/python-dotenv/issues/205.
"""

import codecs

import pytest

from gitpulse_assets.settings import SettingsError, load_settings
from gitpulse_assets.watch.watch_list import read_file

ENV = "GITPULSE_REPOS=octo-org/hello\n"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITPULSE_REPOS", raising=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_16_an_env_file_in_utf_16_is_named_with_what_to_do(tmp_path, encoding):
    """Without its mark it would be read as UTF-8 with NULs, and nothing of it be heeded."""
    (tmp_path / ".env").write_text(ENV, encoding)
    with pytest.raises(SettingsError, match=r"\.env, line 1: .*UTF-16.*save the file as UTF-8"):
        load_settings()


def test_16_cousin_a_line_in_latin_1_is_named(tmp_path):
    (tmp_path / ".env").write_bytes(b"# one\n# two\n# caf\xe9\n")
    with pytest.raises(SettingsError, match=r"\.env, line 3: .*no UTF-8"):
        load_settings()


def test_16_cousin_a_mark_of_utf_8_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / ".env").write_bytes(codecs.BOM_UTF8 + ENV.encode())
    assert load_settings().watched_names == ("octo-org/hello",)


@pytest.mark.parametrize(("encoding", "what"), [("utf-16", "UTF-16"), ("latin-1", "no UTF-8")])
def test_16_cousin_the_watch_list_is_named_too(tmp_path, encoding, what):
    path = tmp_path / "gitpulse.yaml"
    path.write_text("repos: [octo-org/hello] # é\n", encoding)
    with pytest.raises(SettingsError, match=rf"GITPULSE_CONFIG: .*gitpulse\.yaml, line 1: .*{what}"):
        read_file(path)
