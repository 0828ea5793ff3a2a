"""How archives name their hour files. Nothing here reads one."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime

# Files before it are of another form, without event ids.
FIRST_DAY = date(2015, 1, 1)
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-(\d{1,2})\.json\.gz")


def file_name(hour_at: datetime) -> str:
    """The name of an hour's file: `2015-01-01-0.json.gz`, the hour without a leading zero."""
    return f"{hour_at:%Y-%m-%d}-{hour_at.hour}.json.gz"


def hour_of(name: str) -> datetime | None:
    """The hour, UTC, that a file's name says; None where it is no hour file's."""
    found = _NAME.fullmatch(name)
    if not found or str(int(found[2])) != found[2]:
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(found[1]).replace(hour=int(found[2]), tzinfo=UTC)
    return None
