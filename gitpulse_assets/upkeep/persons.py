"""Taking a person out of what was received: login, id, the texts they wrote, and what is named after them.

Raw records alone are rewritten, since every table is made anew from them; tables that name the person still
are only found, for the caller to make them. A record stays, with its times and states, so that no count
changes; its author is the account `ghost`, as GitHub itself shows those who left.
"""

import json
import re
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gitpulse_assets.catalog.subjects import BRONZE
from gitpulse_assets.contracts.bronze import ISSUE_TIMELINE
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.damage import reading
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.parquet import write_parquet
from gitpulse_assets.lake.store import ListedObject
from gitpulse_assets.members.forgetting import member_bearers
from gitpulse_assets.place import Place
from gitpulse_assets.repo import Repo

GHOST = {"login": "ghost", "id": 10137, "databaseId": 10137, "type": "User", "__typename": "User"}
AUTHORS = ("user", "author")
# Of those who wrote, the branch of a pull request too, which is often named after whoever made it.
TEXTS = ("body", "bodyText", "bodyHTML", "body_text", "body_html", "headRefName")
BRANCH_NAMES = ("ref", "label")
# The title that a renaming set, by GraphQL and by an issue event, and the one before it.
TITLES_SET = ("currentTitle", "to")
RENAMED = (*TITLES_SET, "previousTitle", "from")
# What an event tells of, beside what was done: the first of them that it has.
TOLD_OF = ("comment", "review", "issue", "pull_request")
# `owner/name`, and `owner:branch`.
OWNED_NAMES = ("nameWithOwner", "full_name", "label")
FORGOTTEN_TITLE = "[forgotten]"
PAYLOAD = "payload_json"
DEPARTED_TO = "departed_to"
# Columns of silver.
REPOSITORY_NAMES = ("from_repository", DEPARTED_TO, "reason")
REFS = ("head_ref", "base_ref")

RECEIVED = {table.folder: table for table in BRONZE if PAYLOAD in table.column_names}


class Traces:
    """What names a person: their login, letter case aside, and the id of their account, by whatever login.

    Repositories of theirs that the lake follows keep their names: these are forgotten by themselves.
    """

    def __init__(self, login: str, followed: Iterable[Repo] = (), ids: Iterable[int] = ()) -> None:
        self.login = login.lower()
        self.ids = frozenset(ids)
        self.word = word = re.escape(login)
        kept = "|".join(re.escape(repo.name) for repo in followed if repo.owner == self.login)
        owner = word + (rf"(?!/(?:{kept})(?![\w.-]))" if kept else "")
        # As GitHub names a branch that is made in the browser.
        branch = rf"(^|[^\w-]){word}(?=-patch-\d)"
        in_texts = rf"(@|github\.com[/:](?:repos/|users/)?){owner}(?![\w-])"
        address = rf"^(https?://[^/\s]+/(?:api/v3/)?(?:repos/|users/)?){owner}(?=[/?#]|$)"
        self._in_texts = [re.compile(one, re.IGNORECASE) for one in (in_texts, address, branch)]
        self._owned = re.compile(f"^{owner}(?=[/:])", re.IGNORECASE)

    def may_be_in(self, text: str) -> bool:
        """Whether a raw record may name them: nothing is taken out of any other."""
        return self.login in text.lower() or any(str(one) in text for one in self.ids)

    def is_account(self, value: Any) -> bool:
        """Whether a value of a payload is their account; a number alone may be anything's."""
        if not isinstance(value, dict) or "login" not in value:
            return False
        is_called_so = str(value["login"]).lower() == self.login
        return is_called_so or not self.ids.isdisjoint([value.get("id"), value.get("databaseId")])

    def out_of(self, text: str) -> str:
        """A text in which mentions, addresses and branches name the ghost."""
        for pattern in self._in_texts:
            text = pattern.sub(rf"\1{GHOST['login']}", text)
        return text

    def out_of_name(self, name: str) -> str:
        """`owner/name` or `owner:branch` that is the ghost's."""
        return self._owned.sub(str(GHOST["login"]), self.out_of(name))


def forget_person(lake: Lake, login: str) -> dict[Repo, int]:
    """Take a person out of every raw record; return how many were rewritten, by repository.

    Each batch is replaced whole, in the place of itself, with as many rows as it had.
    """
    # Nothing can be taken out of what cannot be read.
    lake.store.delete_prefix(paths.DAMAGED)
    counts: dict[Repo, int] = {}
    traces = traces_of(lake, login)
    titles = titles_set(lake, traces)
    # Lists come before timelines, which tell who set a title: a call that was cut short is done again.
    for folder, contract in RECEIVED.items():
        for repo, info in batches(lake, folder):
            if count := rewrite(lake, contract, info, traces, titles):
                counts[repo] = counts.get(repo, 0) + count
    return counts


def traces_of(lake: Lake, login: str) -> Traces:
    """What names a person among the repositories of the lake."""
    return Traces(login, lake.committed_repos("silver"), ids_of(lake, login))


def ids_of(lake: Lake, login: str) -> list[int]:
    """The id of the account that silver shows under a login last; none where it shows none.

    Who was renamed is in older rows by another login. A login may have passed on: its last bearer is meant.
    """
    return bearer_of(last_shown(lake, login))


def bearer_of(shown: Mapping[Place, tuple[datetime, int]]) -> list[int]:
    """The id of the account that bore a login last, of what `last_shown` found."""
    return [account_id for _, account_id in sorted(shown.values())[-1:]]


def in_order(places: Iterable[Place], shown: Mapping[Place, tuple[datetime, int]]) -> list[Place]:
    """The places as they are to be made anew: last those that show the login, the newest at the end.

    These tell whose it is: a call that was cut short is done again, and finds by id what it left.
    """
    return sorted(places, key=lambda place: (place in shown, shown.get(place, ()), str(place)))


def last_shown(lake: Lake, login: str) -> dict[Place, tuple[datetime, int]]:
    """Where silver shows a login: when last in each place, and the id of whose it was then."""
    found: dict[Place, tuple[datetime, int]] = {}
    for place, one in all_bearers(lake, login):
        found[place] = max(one, found.get(place, one))
    return found


def all_bearers(lake: Lake, login: str) -> Iterator[tuple[Place, tuple[datetime, int]]]:
    """Who bears a login, by place, in all tables of repositories and in the lists of organisations."""
    for info in lake.store.list("silver/"):
        repo = paths.repo_of(info.key)
        if repo and info.key.endswith(".parquet"):
            yield from ((repo, one) for one in bearers(lake, info, login.lower()))
    for place in lake.committed_organizations("silver"):
        yield from ((place, one) for one in member_bearers(lake, place, login))


def bearers(lake: Lake, info: ListedObject, login: str) -> Iterator[tuple[datetime, int]]:
    """Who bears a login (lower case) in a table, and when that was received."""
    opened = lake.store.open(info.key)
    if opened is None:
        return
    with opened.file as file, reading(lake.store, info.key):
        table = pq.ParquetFile(file, page_checksum_verification=True)
        names = table.schema_arrow.names
        times = [name for name in ("last_fetched_at", "fetched_at") if name in names]
        for prefix in whose(names) if times else ():
            rows = table.read([f"{prefix}_login", f"{prefix}_id", *times])
            lowered = pc.call_function("utf8_lower", [rows[f"{prefix}_login"]])
            rows = rows.filter(pc.call_function("equal", [lowered, login]))
            told = pc.call_function("coalesce", [rows[name] for name in times]).to_pylist()
            ids = rows[f"{prefix}_id"].to_pylist()
            yield from ((at, one) for at, one in zip(told, ids, strict=True) if at and one is not None)


def whose(names: Sequence[str]) -> list[str]:
    """Whom a table tells by login and id: of `author_login` and `author_id` `author`."""
    told = [name.removesuffix("_login") for name in names if name.endswith("_login")]
    return [prefix for prefix in told if f"{prefix}_id" in names]


def batches(lake: Lake, folder: str) -> Iterator[tuple[Repo, ListedObject]]:
    """The batches of a table, each with whose it is."""
    for info in lake.store.list(f"{folder}/"):
        repo = paths.repo_of(info.key)
        if repo and info.key.endswith(".parquet"):
            yield repo, info


def titles_set(lake: Lake, traces: Traces) -> dict[int, set[str]]:
    """The titles that a person gave issues and pull requests, whoever opened these, by the id of these."""
    found: dict[int, set[str]] = {}
    for _, info in batches(lake, ISSUE_TIMELINE.folder):
        rows = read_batch(lake, info)
        told = rows.select(["issue_id", PAYLOAD]).to_pylist() if rows else ()
        for row in told:
            if traces.may_be_in(row[PAYLOAD]):
                titles = set(set_titles(read_json(row[PAYLOAD]), traces))
                found.setdefault(row["issue_id"], set()).update(titles)
    return found


def set_titles(record: Any, traces: Traces) -> Iterator[str]:
    """The titles within a payload that the person's account set."""
    if isinstance(record, list):
        for item in record:
            yield from set_titles(item, traces)
    elif isinstance(record, dict):
        if traces.is_account(record.get("actor")):
            rename = record.get("rename")
            told = rename if isinstance(rename, dict) else record
            yield from (told[key] for key in TITLES_SET if isinstance(told.get(key), str))
        for item in record.values():
            yield from set_titles(item, traces)


def repos_naming(lake: Lake, login: str) -> set[Repo]:
    """The repositories one of whose tables names the person.

    Rather one too many than one too few: a word of a verdict's sentence that is a login counts.
    """
    found: set[Repo] = set()
    traces = traces_of(lake, login)
    for layer in ("silver", "gold"):
        for info in lake.store.list(f"{layer}/"):
            repo = paths.repo_of(info.key)
            is_open = repo is not None and repo not in found and info.key.endswith(".parquet")
            if repo and is_open and is_named(lake, info, traces, is_gold=layer == "gold"):
                found.add(repo)
    return found


def is_named(lake: Lake, info: ListedObject, traces: Traces, *, is_gold: bool) -> bool:
    """Whether any text of a Parquet object names the person, or any account in it is theirs."""
    opened = lake.store.open(info.key)
    if opened is None:
        return False
    with opened.file as file, reading(lake.store, info.key):
        return any(
            has_account(batch, traces.ids) or is_told_of(batch, traces, is_gold)
            for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches()
        )


def has_account(rows: pa.RecordBatch, ids: Set[int]) -> bool:
    """Whether one of the accounts is in any row, by whatever login."""
    told = [rows[f"{prefix}_id"].to_pylist() for prefix in whose(rows.schema.names)] if ids else []
    return any(not ids.isdisjoint(values) for values in told)


def is_told_of(rows: pa.RecordBatch, traces: Traces, is_gold: bool) -> bool:
    """Whether any text of the rows names the person."""
    return any(
        has_match(texts, naming(name, traces, is_gold))
        for column, values in zip(rows.schema.names, rows.columns, strict=True)
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


def naming(name: str, traces: Traces, is_gold: bool) -> str:
    """What names the person in a column: the login, what is theirs, a word of a sentence, or a mention."""
    word = traces.word
    if "login" in name:
        return f"^{word}$"
    if name in REPOSITORY_NAMES and not is_gold:
        return f"^{word}/"
    if name in REFS and not is_gold:
        return rf"(^|[^\w-]){word}-patch-\d"
    # Titles are other people's words, as bodies are.
    before = r"(^|[^\w-])" if is_gold and "title" not in name else "@"
    return rf"{before}{word}([^\w-]|$)"


def rewrite(
    lake: Lake, contract: TableContract, info: ListedObject, traces: Traces, titles: dict[int, set[str]]
) -> int:
    """Rewrite one batch without the person; return in how many of its records they were."""
    rows = read_batch(lake, info)
    if rows is None:
        return 0
    columns = [name for name in ("issue_id", PAYLOAD, DEPARTED_TO) if name in rows.column_names]
    before = rows.select(columns).to_pylist()
    after = [out_of_row(row, traces, titles) for row in before]
    count = sum(old != new for old, new in zip(before, after, strict=True))
    if count:
        put_batch(lake, contract, info, with_columns(rows, after))
    return count


def read_batch(lake: Lake, info: ListedObject) -> pa.Table | None:
    """The rows of a batch; None where it is gone."""
    opened = lake.store.open(info.key)
    if opened is None:
        return None
    with opened.file as file, reading(lake.store, info.key):
        stored = pq.ParquetFile(file, page_checksum_verification=True)
        return stored.read().replace_schema_metadata(stored.schema_arrow.metadata)


def with_columns(rows: pa.Table, values: list[dict[str, Any]]) -> pa.Table:
    """The rows with other values in the columns that are named."""
    for name in values[0]:
        column = rows.schema.get_field_index(name)
        field = rows.schema.field(column)
        rows = rows.set_column(column, field, pa.array([row[name] for row in values], field.type))
    return rows


def put_batch(lake: Lake, contract: TableContract, info: ListedObject, rows: pa.Table) -> None:
    """Put a batch in the place of itself."""
    path = lake.store.scratch_folder / f"{uuid.uuid4().hex}.parquet"
    merge_id = (rows.schema.metadata or {}).get(b"gitpulse.merge_id", b"").decode()
    write_parquet(path, contract, rows.to_batches(), rows.schema, merge_id=merge_id)
    lake.store.put(info.key, path)


def out_of_row(row: dict[str, Any], traces: Traces, titles: dict[int, set[str]]) -> dict[str, Any]:
    """A received row without the person."""
    set_here = titles.get(row.get("issue_id") or 0, ())
    cleaned = row | {PAYLOAD: without_person(row[PAYLOAD], traces, set_here)}
    to = row.get(DEPARTED_TO)
    return cleaned | {DEPARTED_TO: traces.out_of_name(to)} if to else cleaned


def without_person(text: str, traces: Traces, titles: Container[str] = ()) -> str:
    """A raw record without the person and `titles`; the very text where they are not in it, or no JSON."""
    if not titles and not traces.may_be_in(text):
        return text
    record = read_json(text)
    cleaned = scrubbed(record, traces, titles)
    return text if cleaned == record else as_json(cleaned)


def read_json(text: str) -> Any:
    """What a text says; None where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def as_json(record: Any) -> str:
    """JSON as short as can be; half a character, which no UTF-8 holds, stays the escape it was."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(record, separators=(",", ":"))
    return text


def scrubbed(value: Any, traces: Traces, titles: Container[str], *, is_theirs: bool = False) -> Any:
    """The value with the person's account made the ghost's, their words gone and their name changed.

    `titles` are theirs wherever they stand; `is_theirs`: what it lies in tells of something they wrote.
    """
    if isinstance(value, str):
        return traces.out_of(value)
    if isinstance(value, list):
        return [scrubbed(item, traces, titles, is_theirs=is_theirs) for item in value]
    if not isinstance(value, dict):
        return value
    if traces.is_account(value):
        return {key: known for key, known in GHOST.items() if key in value}
    wrote = is_of(value, traces)
    told_of = next((value[key] for key in TOLD_OF if isinstance(value.get(key), dict)), {})
    is_theirs = is_theirs or wrote or is_of(told_of, traces)
    cleaned = {key: scrubbed(item, traces, titles, is_theirs=is_theirs) for key, item in value.items()}
    names = {key: traces.out_of_name(cleaned[key]) for key in OWNED_NAMES if isinstance(value.get(key), str)}
    own_words = unworded(cleaned) if wrote else {}
    return cleaned | names | retitled(value, titles, is_theirs=is_theirs) | own_words


def retitled(value: dict[str, Any], titles: Container[str], *, is_theirs: bool) -> dict[str, str]:
    """The titles of a payload that are the person's, each with what stands in its place."""
    return {
        key: FORGOTTEN_TITLE
        for key in ("title", *RENAMED)
        if isinstance(title := value.get(key), str) and (title in titles or (is_theirs and key in RENAMED))
    }


def unworded(value: dict[str, Any]) -> dict[str, Any]:
    """What stands in the place of the texts of what the person wrote."""
    gone: dict[str, Any] = {key: None for key in TEXTS if key in value}
    if "title" in value:
        gone["title"] = FORGOTTEN_TITLE
    if isinstance(head := value.get("head"), dict):
        gone["head"] = head | {key: None for key in BRANCH_NAMES if key in head}
    return gone


def is_of(value: dict[str, Any], traces: Traces) -> bool:
    """Whether a payload tells of what the person wrote."""
    return any(traces.is_account(value.get(key)) for key in AUTHORS)
