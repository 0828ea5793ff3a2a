"""What is collected beside the backlog is there where it was chosen, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gitpulse_assets_tests
from gitpulse_assets.catalog.subjects import STREAMS
from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects
from gitpulse_assets.settings import SettingsError, load_settings

ROOT = Path(gitpulse_assets_tests.__path__[0])


def test_without_a_choice_there_is_the_backlog_alone():
    assert chosen_subjects() == ()
    assert not any("comment" in stream.name for stream in STREAMS)


def test_a_subject_that_there_is_not_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("GITPULSE_SUBJECTS", "contributers")
    with pytest.raises(SettingsError, match=r"^GITPULSE_SUBJECTS: there is no subject 'contributers'; for "):
        load_settings()


LINEAGE = "unit/test_lineage.py::test_the_stored_lineage_is_that_of_the_statements"
# In two processes: in one they take longer than all that CI does beside them.
OWN = ("people", LINEAGE, "-n", "2", "--dist", "loadfile")
# What a process with the subject has to pass beside its own tests; `-k` names what is the subject's.
STANDARD = ("collect/test_streams.py", "unit/silver/test_streams.py", "-k", "issue_timeline or comment")
# In a browser, and the recorded pull requests through every mart.
DEAR_OF_SUBJECT = ("people", "-m", "dear and not slow")
FOLDING, RETENTION = "folding/test_folding.py", "retention/test_retention.py"
DEAR = (
    "marts/test_marts.py",
    f"{FOLDING}::test_07_every_record_and_every_run_is_kept",
    f"{FOLDING}::test_07_what_was_folded_goes_with_a_later_fold",
    f"{RETENTION}::test_it_removes_and_the_second_time_nothing",
    f"{RETENTION}::test_the_next_refresh_goes_on_as_before",
)


@pytest.mark.dear
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(OWN, id="of the subject"),
        pytest.param(STANDARD, id="of every stream"),
        pytest.param(DEAR, id="of every mart and lake"),
        pytest.param((FOLDING, RETENTION), id="of every upkeep", marks=pytest.mark.slow),
        pytest.param(DEAR_OF_SUBJECT, id="of the subject, dear"),
    ],
)
def test_tests_pass_in_a_process_that_chose_the_subject(tests: tuple[str, ...]):
    options = ["-q", "-m", "not slow and not dear", "-p", "no:cacheprovider"]
    named = [str(ROOT / test) if (ROOT / test.partition("::")[0]).exists() else test for test in tests]
    command = [sys.executable, "-m", "pytest", *options, *named]
    environment = os.environ | {"GITPULSE_SUBJECTS": CONTRIBUTORS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
