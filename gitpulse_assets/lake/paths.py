"""Where every object of the lake lies: keys below the root, with `/` between their parts.

People's BI queries rely on `<layer>/<table>/repo_owner=<o>/repo_name=<r>/…parquet`, and for public events on
`silver/<table>/event_date=<day>/…parquet`; an organisation's lie in `org_login=<o>`. Nothing is read here.
"""

import re
from datetime import date

from gitpulse_assets.contracts.model import Layer, TableContract
from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.place import Day, Organization, Place
from gitpulse_assets.repo import Repo

STAGING = "_staging/"
DAMAGED = "_damaged/"
AT_WORK = "_at_work/"
HOUR_FILES = "bronze/archive/hour_file/"

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_BATCH = re.compile(r"/run_id=([^/]+)/batch-(\d+)\.parquet$")

_REPOSITORY = re.compile(r"(?:^|/)repo_owner=([^/]+)/repo_name=([^/]+)/")
_ORGANIZATION = re.compile(r"(?:^|/)org_login=([^/]+)/")
_DAY = re.compile(r"(?:^|/)event_date=(\d{4}-\d\d-\d\d)/")
_PART_OF_DAY = re.compile(r"silver/\w+/event_date=\d{4}-\d\d-\d\d/[\w-]+\.parquet")

# A table of one object calls it so; a day's tables have several.
WHOLE = "data"


def repo_of(key: str) -> Repo | None:
    """The repository an object belongs to, or None where its key names none."""
    found = _REPOSITORY.search(key)
    return Repo(*found.groups()) if found else None


def day_of(key: str) -> Day | None:
    """The day of events an object belongs to, or None where its key names none."""
    found = _DAY.search(key)
    return Day(date.fromisoformat(found[1])) if found else None


def organization_of(key: str) -> Organization | None:
    """The organisation an object belongs to, or None where its key names none."""
    found = _ORGANIZATION.search(key)
    return Organization(found[1]) if found else None


def place_of(key: str) -> Place | None:
    """The place whose tables an object belongs to, or None where its key names none."""
    return repo_of(key) or day_of(key) or organization_of(key)


def table_key(contract: TableContract, place: Place, part: str = WHOLE) -> str:
    """The object of a table and place that is replaced whole, or one of its parts."""
    return f"{contract.folder}/{place.folder}/{part}.parquet"


def published_name(contract: TableContract, part: str = WHOLE) -> str:
    """What a commit calls an object: the table, or `table/part`."""
    return contract.name if part == WHOLE else f"{contract.name}/{part}"


def part_of(contract: TableContract, name: str) -> str | None:
    """The part that a commit's name means, None where it is another table's."""
    table, _, part = name.partition("/")
    return (part or WHOLE) if table == contract.name else None


def part_of_day_in(text: str) -> str | None:
    """The key of the first part of a day's table that a text names; None where it names none."""
    found = _PART_OF_DAY.search(text)
    return found[0] if found else None


def published_key(layer: Layer, name: str, place: Place) -> str:
    """The key of an object by the name that a commit gives it: no commit is of bronze."""
    table, _, part = name.partition("/")
    return f"{layer}/{table}/{place.folder}/{part or WHOLE}.parquet"


def hour_file_key(source: str, day: Day, name: str) -> str:
    """An archive's hour file as it was received."""
    return f"{HOUR_FILES}source={source}/{day.folder}/{name}"


def run_prefix(contract: TableContract, place: Place, run_id: str) -> str:
    """The folder of what one run received of a bronze table."""
    if not RUN_ID.fullmatch(run_id):
        raise LakeError(f"{run_id!r} cannot name a run; use letters, digits, - and _")
    return f"{contract.folder}/{place.folder}/run_id={run_id}/"


def batch_key(contract: TableContract, place: Place, run_id: str, number: int) -> str:
    """One batch of a run, numbered from 1."""
    return f"{run_prefix(contract, place, run_id)}batch-{number:05d}.parquet"


def bronze_table(key: str) -> str:
    """The name of the table, and so of the stream, whose folder an object of bronze lies in."""
    return key.split("/")[2]


def numbered_batch(key: str) -> tuple[str, int] | None:
    """The run and number of a batch, or None where the key is no batch's."""
    found = _BATCH.search(key)
    return (found[1], int(found[2])) if found else None


def commit_prefix(layer: Layer) -> str:
    """The folder that holds what was published of every place of a layer."""
    return f"{layer}/_commit/"


def commit_key(layer: Layer, place: Place) -> str:
    """Which tables belong together; written last."""
    return f"{commit_prefix(layer)}{place.folder}/_commit.json"


def plan_key(layer: Layer, place: Place) -> str:
    """What is being published, or was last; written before the first table moves."""
    return f"{commit_prefix(layer)}{place.folder}/_plan.json"


def damaged_key(key: str) -> str:
    """Where a damaged object lies after a repair, for people who can get something out of it."""
    return f"{DAMAGED}{key}"


def report_key(repo: Repo) -> str:
    """The report of one repository: a file for people, which no table is made from."""
    return f"report/backlog_report/{repo.folder}/index.html"


def staging_prefix(merge_id: str) -> str:
    """The folder of everything one merge staged."""
    return f"{STAGING}{merge_id}/"


def staged_key(merge_id: str, contract: TableContract, part: str = WHOLE) -> str:
    """A table as one merge made it, before it is published; a merge is of one layer and place."""
    return f"{staging_prefix(merge_id)}{published_name(contract, part)}.parquet"
