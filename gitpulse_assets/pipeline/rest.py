"""Says of a look at GitHub that it found nothing, and that nothing is left to be done.

Then silver and gold are as they would be made again, but for what moves with the hour: reasons in
docs/adr/0016-at-rest.md.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from gitpulse_assets.catalog.subjects import COLLECTED, ENTITIES, SILVER_TABLES
from gitpulse_assets.catalog.tables import MART_TABLES
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import ISSUES
from gitpulse_assets.contracts.model import TableContract
from gitpulse_assets.lake import paths
from gitpulse_assets.lake.commit import Commit
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.lake import Lake
from gitpulse_assets.lake.manifest import ManifestRow, unmerged_batches
from gitpulse_assets.lake.parquet import contract_fingerprint
from gitpulse_assets.lake.parts import parts_of
from gitpulse_assets.lake.store import Store
from gitpulse_assets.pipeline.batches import new_batches
from gitpulse_assets.place import Organization
from gitpulse_assets.repo import Repo
from gitpulse_assets.transform.silver import is_news


def is_at_rest(session: Session, walk: ManifestRow) -> bool:
    """Whether a run that has collected may end: its walk met nothing, and all there is stands published.

    The marts are of the walk's own UTC day, so that no day is missing from them and every age is right to the
    day; nothing of bronze waits for a merge; the published tables lie there as their commits say, under
    today's contracts, gold made behind silver.
    """
    known = session.known_state(ISSUES).as_of_at
    if walk.walk_kind != "unchanged" or known is None or walk.as_of_at is None:
        return False
    if day_of(known) != day_of(walk.as_of_at):
        return False
    lake, repo, rows = session.lake, session.repo, session.manifest.rows()
    silver, gold = lake.commit("silver", repo), lake.commit("gold", repo)
    if silver is None or gold is None or gold.made_at < silver.made_at:
        return False
    members = lake.commit("silver", Organization(repo.owner))
    if members is not None and gold.made_at < members.made_at:
        return False
    if any(row.status != "complete" for row in rows if row.run_id == session.run_id):
        return False
    if not is_merged(lake, repo, rows, silver):
        return False
    return stands(lake, repo, silver, SILVER_TABLES) and stands(lake, repo, gold, MART_TABLES)


def is_merged(lake: Lake, repo: Repo, rows: list[ManifestRow], silver: Commit) -> bool:
    """Whether nothing waits for a merge, but for records that would change nothing."""
    waiting = [t for t in COLLECTED if unmerged_batches(rows, t.name, silver.merged.get(t.name, {}))]
    return not any(tells_news(lake, repo, table, rows, silver) for table in waiting)


def tells_news(lake: Lake, repo: Repo, table: TableContract, rows: list[ManifestRow], silver: Commit) -> bool:
    """Whether what waits in a table tells other than is published, or whose entity cannot say."""
    read_by = [entity for entity in ENTITIES if any(stream.bronze is table for stream in entity.streams)]
    if not all(entity.news for entity in read_by):
        return True
    received = new_batches(lake, repo, table, rows, silver)
    inputs = {f"bronze_{table.name}": received.dataset}
    for merged in (merged for entity in read_by for merged in entity.tables):
        inputs[f"stored_{merged.contract.name}"] = lake.dataset(merged.contract, repo)
    with connect() as con:
        return any(is_news(con, entity, inputs, received.run_ids) for entity in read_by)


def day_of(moment: datetime) -> date:
    """The UTC day of a moment."""
    return moment.astimezone(UTC).date()


def stands(lake: Lake, repo: Repo, commit: Commit, tables: tuple[TableContract, ...]) -> bool:
    """Whether every table lies there as the commit says, written under the contract it has today."""
    for table in tables:
        parts = parts_of(commit, table)
        if not parts or any(one.contract != contract_fingerprint(table) for one in parts.values()):
            return False
        etags = etags_of(lake.store, [paths.table_key(table, repo, part) for part in parts])
        if etags != [one.etag for one in parts.values()]:
            return False
    return True


def etags_of(store: Store, keys: Sequence[str]) -> list[str | None]:
    """The ETags of some objects of one folder, None where there is none; of several by one listing."""
    if len(keys) > 1:
        found = store.etags(keys[0].rpartition("/")[0] + "/")
        return [found.get(key) for key in keys]
    return [info.etag if (info := store.head(key)) else None for key in keys]
