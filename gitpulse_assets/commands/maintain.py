"""`gitpulse maintain`: the maintenance of the whole lake, as a Dagster run."""

from collections.abc import Iterable, Iterator

import dagster as dg

from gitpulse_assets.automation.maintain import MAINTAIN_JOB
from gitpulse_assets.commands.console import refused, say
from gitpulse_assets.commands.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USE
from gitpulse_assets.commands.refresh import first_line, instance_of, load_definitions
from gitpulse_assets.runs.launch import execute, failure_message, is_success
from gitpulse_assets.settings import Settings, SettingsError


def maintain_lake(settings: Settings) -> int:
    """Make the run, print what it did, and return the exit code."""
    try:
        with instance_of(settings) as instance:
            _, events = execute(load_definitions(), instance, MAINTAIN_JOB, {})
    except SettingsError as error:
        return refused(error, WRONG_USE)
    except KeyboardInterrupt:
        return refused("interrupted", INTERRUPTED)
    except Exception as error:
        return refused(f"Dagster cannot keep the run: {first_line(error)}", FAILED)
    if not is_success(events):
        return refused(failure_message(events), FAILED)
    say("\n".join(done(events)) or "nothing to do")
    return DONE


def done(events: Iterable[dg.DagsterEvent]) -> Iterator[str]:
    """The lines in which the run tells what it did."""
    for event in events:
        if event.is_successful_output and (said := event.step_output_data.metadata.get("done")):
            yield from map(str, said.value)  # pyright: ignore[reportArgumentType]
