"""`gitpulse report`: the report of one repository as a file, from the tables as they are."""

from contextlib import closing
from pathlib import Path

from gitpulse_assets.answers.errors import NoAnswer
from gitpulse_assets.answers.lake_answers import LakeAnswers
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake_address import open_lake
from gitpulse_assets.page.report import make_report
from gitpulse_assets.repo import Repo
from gitpulse_assets.settings import Settings


def write_report(settings: Settings, repo: Repo, out: Path | None) -> int:
    """Write the report and return the exit code."""
    target = out or Path(f"{repo.owner}-{repo.name}.html")
    try:
        with closing(LakeAnswers(open_lake(settings, is_writable=False))) as answers:
            made = make_report(answers, repo)
        target.write_text(made.html, encoding="utf-8")
    except (NoAnswer, LakeError) as error:
        return refused(error, FAILED)
    except OSError as error:
        return refused(f"{target} cannot be written ({error.strerror}); name another file with --out", FAILED)
    say(f"{repo}: {made.headline} {target}")
    return DONE
