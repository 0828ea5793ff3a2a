"""What is collected beside the backlog is there where it was chosen, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitpulse_assets.catalog.subjects import STREAMS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.settings import SettingsError, load_settings
from gitpulse_assets_tests import people


def test_without_a_choice_there_is_the_backlog_alone():
    assert chosen_subjects() == ()
    assert not any("comment" in stream.name for stream in STREAMS)


def test_a_subject_that_there_is_not_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("GITPULSE_SUBJECTS", "contributers")
    with pytest.raises(SettingsError, match=r"^GITPULSE_SUBJECTS: there is no subject 'contributers'; for "):
        load_settings()


@pytest.mark.dear
def test_the_tests_of_a_subject_pass_in_a_process_that_chose_it():
    folder = Path(people.__path__[0])
    lineage = Path(__file__).with_name("test_lineage.py")
    stored = f"{lineage}::test_the_stored_lineage_is_that_of_the_statements"
    options = ["-q", "-m", "not slow and not dear", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", *options, str(folder), stored]
    environment = os.environ | {"GITPULSE_SUBJECTS": CONTRIBUTORS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
