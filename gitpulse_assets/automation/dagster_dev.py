"""`dagster dev` as `gitpulse ui` runs it: `python -m gitpulse_assets.automation.dagster_dev ARGUMENTS`.

It leads a process group that is interrupted, as by Ctrl-C in a terminal, when its stdin ends. The other end
is `gitpulse ui`'s, and the system closes it however that ends. Dagster alone would tell two of its processes,
and wait for a run that is going on.
"""

import logging
import os
import signal
import threading
from pathlib import Path


def main() -> None:
    """Run `dagster dev` with this process's arguments."""
    from dagster._cli.dev import dev_command

    threading.Thread(target=interrupt_group_at_end, daemon=True).start()
    logging.getLogger("dagster").addFilter(is_true)
    dev_command()


def interrupt_group_at_end() -> None:
    """Wait until the other end of stdin is closed, then interrupt the whole process group."""
    # Not sys.stdin, whose lock a waiting thread would hold when Python ends.
    os.read(0, 1)
    os.killpg(0, signal.SIGINT)


def is_true(record: logging.LogRecord) -> bool:
    """Let pass all but one warning where it is wrong.

    Dagster warns that the `dagster.yaml` of the current folder is not used where DAGSTER_HOME is another one;
    what `prepare_home` copied there is the same.
    """
    return "Found a dagster instance configuration value" not in record.getMessage() or is_another_config()


def is_another_config() -> bool:
    """Whether Dagster's home is configured otherwise than the working directory would have it."""
    here, used = Path("dagster.yaml"), Path(os.environ["DAGSTER_HOME"]) / "dagster.yaml"
    return here.read_bytes() != used.read_bytes()


if __name__ == "__main__":
    main()
