"""Bounds of a request that hold for the API and the page alike; each puts refusals in its own form."""

import re
from datetime import date

LABEL_LENGTH_MAX = 200
LOGIN_LENGTH_MAX = 100
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_day(text: str) -> date:
    """Read YYYY-MM-DD and nothing else that Python or pydantic would take for a day; raises ValueError."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text[:40]!r} is not a day; write YYYY-MM-DD, for example 2026-01-31")
