"""A look at an organisation's list of members: asked for, judged, and published with all looks before it.

    pages asked for, each by its ETag -> judged against the last list -> published -> pages kept

One that is killed between any two of these is made again by the next run: nothing counts before it is
published, and what is kept of the pages only saves requests.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from gitpulse_assets.checks.result import CheckResult, contract_result, refuse_failed
from gitpulse_assets.checks.semantic import semantic_result
from gitpulse_assets.contracts.members import MEMBER_CONTRACTS, ORGANIZATION_LOOK, ORGANIZATION_MEMBER
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.github.client import GitHubClient
from gitpulse_assets.github.decoding import decode
from gitpulse_assets.github.errors import GitHubError, RepositoryNotFound
from gitpulse_assets.github.pages import Page
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.errors import PreconditionFailed, PublicationConflict
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.publication import Publication
from gitpulse_assets.members.roll import Listed, Look, MemberSpan, NamedMember, Roll
from gitpulse_assets.members.state import KnownMembers, ListedPerson, MembersPage, known_members
from gitpulse_assets.members.tables import MEMBER_CHECKS
from gitpulse_assets.place import Organization
from gitpulse_assets.transform.audit import audit_table
from gitpulse_assets.watch.asking import OF_ONE
from gitpulse_assets.watch.state import StateObject

# A list that could not be read is asked for again after so long.
TROUBLED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Looked:
    """What a look came to: the results of its checks where it published; else maybe why it could not."""

    checks: list[CheckResult] = field(default_factory=list[CheckResult])
    trouble: str = ""

    @property
    def doubts(self) -> list[str]:
        """What is to be told of a list that is kept aside."""
        return [result.description for result in self.checks if not result.is_passed]


def look_when_due(
    client: GitHubClient, lake: Lake, place: Organization, now: datetime, *, is_organization: bool | None
) -> Looked:
    """Look once a UTC day, and an hour after a list was put aside; the arguments are those of `look`."""
    kept = known_members(lake.store, place)
    state = kept.load()
    told = state.is_organization if is_organization is None else is_organization
    if told is False:
        return Looked()
    if state.trouble and state.asked_at and now - state.asked_at < TROUBLED_FOR:
        return Looked(trouble=state.trouble)
    # Beginning finishes a publication that was cut short.
    with lake.begin("silver", place):
        is_due = roll_of(lake, place).is_due(now)
    return look(client, lake, place, now, is_organization=told) if is_due else Looked()


def look(
    client: GitHubClient,
    lake: Lake,
    place: Organization,
    now: datetime,
    *,
    is_organization: bool | None = True,
) -> Looked:
    """Ask for the members of an organisation and publish what that tells, as of the list's own last page.

    `now`: when it is asked for (UTC), which is kept beside the pages.

    `is_organization`: None where the owner may be a person, who has none. Raises LakeError where the lake
    refuses, ChecksFailed where a blocking check fails, and GitHubError for what is the matter with more than
    this organisation; that it cannot be read is told in the answer.
    """
    kept = known_members(lake.store, place)
    state = kept.load()
    asking = MemberListWalk(client, place, state)
    try:
        found = asking.listed(now)
        if asking.is_of_pages and roll_of(lake, place).member_ids - found.people.keys():
            found = asking.listed_again(found)
    except RepositoryNotFound as error:
        if is_organization is None:
            save(kept, KnownMembers(is_organization=False, asked_at=now))
            return Looked()
        return troubled(kept, asking, error, now)
    except OF_ONE as error:
        return troubled(kept, asking, error, now)
    except GitHubError:
        # What has come costs nothing when it is asked for again.
        save(kept, asking.state(now))
        raise
    checks = publish(lake, place, found)
    save(kept, asking.state(now))
    return Looked(checks)


def troubled(
    kept: StateObject[KnownMembers], asking: "MemberListWalk", error: GitHubError, now: datetime
) -> Looked:
    """Say, and keep, why the list could not be read."""
    trouble = unreadable(asking.place.login, error)
    save(kept, msgspec.structs.replace(asking.state(now), trouble=trouble))
    return Looked(trouble=trouble)


def unreadable(owner: str, error: GitHubError) -> str:
    """Say of an owner's members that they cannot be read."""
    return f"the members of {owner} cannot be read: {error}"


def save(kept: StateObject[KnownMembers], state: KnownMembers) -> None:
    """Keep the pages, unless another run has kept its own meanwhile."""
    with suppress(PreconditionFailed):
        kept.save(state)


class MemberListWalk:
    """Asks for one list, page by page; what has come stays when the walk ends early."""

    def __init__(self, client: GitHubClient, place: Organization, before: KnownMembers) -> None:
        self.place = place
        self._client, self._before = client, before
        self._pages: dict[str, MembersPage] = {}
        self._token = ""

    def listed(self, now: datetime) -> Listed:
        """The whole list, as of its last page by GitHub's clock; raises GitHubError."""
        role = self._client.own_role(self.place.login)
        self._token = self._client.token_mark(self.place.login)
        kept = self._before.pages if self._before.token == self._token else {}
        at, people = self._walked(kept)
        return Listed(at or now, people, self._token, role)

    @property
    def is_of_pages(self) -> bool:
        """Whether the list has more than one."""
        return len(self._pages) > 1

    def listed_again(self, found: Listed) -> Listed:
        """The list with all that another walk of it meets; what has not changed costs nothing.

        Who leaves while the list is walked moves those behind him up: one of them stands on neither page.
        """
        before, self._pages = self._pages, {}
        at, people = self._walked(before)
        return replace(found, looked_at=at or found.looked_at, people={**found.people, **people})

    def _walked(self, kept: Mapping[str, MembersPage]) -> tuple[datetime | None, dict[int, NamedMember]]:
        """Who stands in the list, and when its last page came; `kept`: what an ETag stands for."""
        at, known = None, {url: page.known for url, page in kept.items()}
        for page in self._client.members(self.place.login, known):
            at = page.date
            self._pages[page.url] = kept[page.url] if page.is_unchanged else read_page(page)
        listed = [one for page in self._pages.values() for one in page.people]
        return at, {one.user_id: NamedMember(one.login, one.type) for one in listed}

    def state(self, now: datetime) -> KnownMembers:
        """What is known of the list by now: of a page that was not come to, what was known before."""
        pages = self._pages or self._before.pages
        token = self._token if self._pages else self._before.token
        return KnownMembers(token, pages, is_organization=True, asked_at=now)


def read_page(page: Page) -> MembersPage:
    """The page as it is kept; raises AnswerUnusable."""
    people = [decode(record, ListedPerson, page.url) for record in page.records]
    return MembersPage(page.etag or "", page.next_url, people)


def publish(lake: Lake, place: Organization, found: Listed) -> list[CheckResult]:
    """Publish the roll with a list, and return the results of its checks; none where another was faster."""
    try:
        with connect() as con, lake.begin("silver", place) as publication:
            before = roll_of(lake, place)
            if before.looks and before.looks[-1].looked_at >= found.looked_at:
                return []
            tables = tables_of(before.after(found), place)
            checks = audited(con, tables)
            refuse_failed(checks)
            put(publication, tables)
            return checks
    except PublicationConflict:
        return []


def put(publication: Publication, tables: Mapping[TableContract, pa.Table]) -> None:
    """Publish the tables of one organisation together."""
    staged = [publication.stage(contract, table) for contract, table in tables.items()]
    publication.seal()
    for table in staged:
        publication.promote(table)


def audited(con: duckdb.DuckDBPyConnection, tables: Mapping[TableContract, pa.Table]) -> list[CheckResult]:
    """The results of every check on the tables."""
    for contract, table in tables.items():
        con.register(contract.name, table)
    results = [contract_result(one, audit_table(con, one, one.name)) for one in tables]
    return results + [semantic_result(con, check, {}) for check in MEMBER_CHECKS]


def published_checks(lake: Lake, place: Organization) -> list[CheckResult]:
    """The results of every check on the tables as they are published."""
    with connect() as con:
        return audited(con, tables_of(roll_of(lake, place), place))


def roll_of(lake: Lake, place: Organization) -> Roll:
    """The roll as it is published; an empty one where none is."""
    stored = lake.snapshot("silver", place, MEMBER_CONTRACTS).datasets
    members, looks = (stored[contract.name].to_table().to_pylist() for contract in MEMBER_CONTRACTS)
    return Roll(tuple(spans(members)), tuple(map(look_of, sorted(looks, key=lambda row: row["looked_at"]))))


def spans(rows: list[dict[str, Any]]) -> Iterator[MemberSpan]:
    """The stretches that rows of `organization_member` tell, in order."""
    names = MemberSpan.__dataclass_fields__
    for row in sorted(rows, key=lambda row: (row["user_id"], row["span_number"])):
        yield MemberSpan(**{name: row[name] for name in names})


def look_of(row: Mapping[str, Any]) -> Look:
    """The look that a row of `organization_look` tells."""
    told: dict[str, Any] = {name: row[name] for name in Look.__dataclass_fields__}
    ids = told.pop("aside_user_ids")
    return Look(**told, aside_user_ids=None if ids is None else tuple(ids))


def tables_of(roll: Roll, place: Organization) -> dict[TableContract, pa.Table]:
    """The tables that say a roll."""
    taken = roll.taken
    every = {"org_login": place.login, "first_look_at": roll.first_look_at}
    is_public_only = taken.is_public_only if taken else True
    members = [every | asdict(span) | {"is_public_only": is_public_only} for span in roll.spans]
    looks = [every | asdict(look) | {"is_public_only": look.is_public_only} for look in roll.looks]
    return {
        ORGANIZATION_MEMBER: pa.Table.from_pylist(members, schema=ORGANIZATION_MEMBER.arrow_schema),
        ORGANIZATION_LOOK: pa.Table.from_pylist(looks, schema=ORGANIZATION_LOOK.arrow_schema),
    }
