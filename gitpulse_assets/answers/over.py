"""Runs a mart's own statement over the rows of a window, so that it answers for the window by its own rule.

Which of these ways a mart takes stands in its declaration (`Answer.over`).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pyarrow as pa

from gitpulse_assets.answers.relations import Relations
from gitpulse_assets.answers.window import Window
from gitpulse_assets.transform.gold import label_windows
from gitpulse_assets.transform.survival import closure_survival

LAST_MOMENT = timedelta(microseconds=1)


def days(made: Relations, name: str, window: Window) -> pa.Table:
    """The days of the daily flow that lie in the window."""
    return made.table("answers", "window_flow", start_date=window.start_date, end_date=window.end_date)


def flow(made: Relations, name: str, window: Window) -> pa.Table:
    """The mart over the window's daily flow."""
    made.window_flow(window)
    return made.table("gold", name, as_of_at=made.moment(window))


def closings(made: Relations, name: str, window: Window) -> pa.Table:
    """The mart over what was closed in the window."""
    made.window_flow(window)
    made.closings(window)
    return _of_cohorts(made, name, window)


def closings_in_one(made: Relations, name: str, window: Window) -> pa.Table:
    """The same as of one month."""
    made.closings(window)
    made.closings_in_one(window)
    return _of_cohorts(made, name, window)


def _of_cohorts(made: Relations, name: str, window: Window) -> pa.Table:
    as_of_at = window.end_at - LAST_MOMENT
    closure_survival(made.con, as_of_at)
    return made.table("gold", name, as_of_at=as_of_at)


def backlog(made: Relations, name: str, window: Window) -> pa.Table:
    """The mart over the backlog at the window's end."""
    made.window_flow(Window(window.end_date, window.end_date))
    made.backlog(window)
    return made.table("gold", name, as_of_at=made.moment(window))


def labels(made: Relations, name: str, window: Window) -> pa.Table:
    """The backlog at the window's end and the window's flows by label."""
    made.backlog(window)
    label_windows(made.con, [window.days], window.end_at)
    return made.table("answers", "label")


OVER: Mapping[str, Callable[[Relations, str, Window], pa.Table]] = {
    "days": days,
    "flow": flow,
    "closings": closings,
    "backlog": backlog,
    "labels": labels,
}
