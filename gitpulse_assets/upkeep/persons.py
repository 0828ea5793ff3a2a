"""Taking a person out of what was received: login, id, and the texts they wrote.

Raw records alone are rewritten, since every table is made anew from them; tables that name the person still
are only found, for the caller to make them. A record stays, with its times and states, so that no count
changes; its author is the account `ghost`, as GitHub itself shows those who left.
"""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.damage import reading
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.lake.store import ListedObject
from gitpulse_assets.repo import Repo

GHOST = {"login": "ghost", "id": 10137, "databaseId": 10137, "type": "User", "__typename": "User"}
AUTHORS = ("user", "author")
TEXTS = ("body", "bodyText", "bodyHTML", "body_text", "body_html")
FORGOTTEN_TITLE = "[forgotten]"
PAYLOAD = "payload_json"

RECEIVED = {table.folder: table for table in BRONZE if PAYLOAD in table.column_names}


def forget_person(lake: Lake, login: str) -> dict[Repo, int]:
    """Take a person out of every raw record; return how many were rewritten, by repository.

    Each batch is replaced whole, in the place of itself, with as many rows as it had.
    """
    # Nothing can be taken out of what cannot be read.
    lake.store.delete_prefix(paths.DAMAGED)
    counts: dict[Repo, int] = {}
    for folder, contract in RECEIVED.items():
        for info in lake.store.list(f"{folder}/"):
            repo = paths.repo_of(info.key)
            if repo and info.key.endswith(".parquet") and (count := rewrite(lake, contract, info, login)):
                counts[repo] = counts.get(repo, 0) + count
    return counts


def repos_naming(lake: Lake, login: str) -> set[Repo]:
    """The repositories one of whose tables names the person.

    Rather one too many than one too few: a word of a verdict's sentence that is a login counts.
    """
    found: set[Repo] = set()
    for layer in ("silver", "gold"):
        for info in lake.store.list(f"{layer}/"):
            repo = paths.repo_of(info.key)
            is_open = repo is not None and repo not in found and info.key.endswith(".parquet")
            if repo and is_open and is_named(lake, info, login, is_gold=layer == "gold"):
                found.add(repo)
    return found


def is_named(lake: Lake, info: ListedObject, login: str, *, is_gold: bool) -> bool:
    """Whether any text of a Parquet object names the login."""
    opened = lake.store.open(info.key)
    if opened is None:
        return False
    with opened.file as file, reading(lake.store, info.key):
        return any(
            has_match(texts, naming(name, login, is_gold))
            for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches()
            for column, values in zip(batch.schema.names, batch.columns, strict=True)
            for name, texts in strings_of(column, values)
        )


def has_match(texts: pa.Array, pattern: str) -> bool:
    """Whether a regular expression matches any of the texts, in either case."""
    options = pc.MatchSubstringOptions(pattern, ignore_case=True)
    return True in pc.call_function("match_substring_regex", [texts], options).to_pylist()


def strings_of(name: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """The texts of a column, also those within lists and structs, by the innermost name."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        yield name, values
    elif pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield from strings_of(name, values.flatten())
    elif pa.types.is_struct(values.type):
        for field, inner in zip(values.type, values.flatten(), strict=True):
            yield from strings_of(field.name, inner)


def naming(name: str, login: str, is_gold: bool) -> str:
    """What names the person in a column: the login itself, a word of a sentence, or a mention in a text."""
    word = re.escape(login)
    if "login" in name:
        return f"^{word}$"
    # Titles are other people's words, as bodies are.
    before = r"(^|[^\w-])" if is_gold and "title" not in name else "@"
    return rf"{before}{word}([^\w-]|$)"


def rewrite(lake: Lake, contract: TableContract, info: ListedObject, login: str) -> int:
    """Rewrite one batch without the person; return in how many of its records they were."""
    opened = lake.store.open(info.key)
    if opened is None:
        return 0
    with opened.file as file, reading(lake.store, info.key):
        stored = pq.ParquetFile(file, page_checksum_verification=True)
        metadata = stored.schema_arrow.metadata or {}
        rows = stored.read()
    before = rows[PAYLOAD].to_pylist()
    after = [without_person(text, login) for text in before]
    count = sum(old != new for old, new in zip(before, after, strict=True))
    if count:
        column = rows.schema.get_field_index(PAYLOAD)
        rows = rows.set_column(column, rows.schema.field(column), pa.array(after, pa.string()))
        path = lake.store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
        merge_id = metadata.get(b"gitpulse.merge_id", b"").decode()
        write_parquet(path, contract, rows.to_batches(), rows.schema, merge_id=merge_id)
        lake.store.put(info.key, path)
    return count


def without_person(text: str, login: str) -> str:
    """A raw record without the person; the very text where they are not in it, or it is no JSON."""
    if login.lower() not in text.lower():
        return text
    try:
        record = json.loads(text)
    except ValueError:
        return text
    mention = re.compile(rf"@{re.escape(login)}(?![\w-])", re.IGNORECASE)
    cleaned = scrubbed(record, login.lower(), mention)
    return text if cleaned == record else as_json(cleaned)


def as_json(record: Any) -> str:
    """JSON as short as can be; half a character, which no UTF-8 holds, stays the escape it was."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(record, separators=(",", ":"))
    return text


def scrubbed(value: Any, login: str, mention: re.Pattern[str]) -> Any:
    """The value with the person's account made the ghost's, their texts gone and mentions of them renamed."""
    if isinstance(value, str):
        return mention.sub("@ghost", value)
    if isinstance(value, list):
        return [scrubbed(item, login, mention) for item in value]
    if not isinstance(value, dict):
        return value
    if is_account(value, login):
        return {key: known for key, known in GHOST.items() if key in value}
    wrote = any(is_account(value.get(key), login) for key in AUTHORS)
    return {
        key: written(key) if wrote and key in (*TEXTS, "title") else scrubbed(item, login, mention)
        for key, item in value.items()
    }


def is_account(value: Any, login: str) -> bool:
    """Whether a value of a payload is the account with this login (lower case)."""
    return isinstance(value, dict) and str(value.get("login", "")).lower() == login


def written(key: str) -> str | None:
    """What stands in the place of a text the person wrote."""
    return FORGOTTEN_TITLE if key == "title" else None
