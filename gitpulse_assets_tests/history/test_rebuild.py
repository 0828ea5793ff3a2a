"""Tables made anew from everything received equal those merged run by run, also where REST events tell."""

from gitpulse_assets.contracts import silver
from gitpulse_assets.lake.duck import connect
from gitpulse_assets.lake.manifest import unmerged_batches
from gitpulse_assets.transform.silver import BRONZE_INPUTS, merge_silver
from gitpulse_assets_tests.history.histories import script
from gitpulse_assets_tests.history.prove import reader_of

COMPARED = (
    silver.ISSUE_EVENT,
    silver.ISSUE_SIGHTING,
    silver.ISSUE_TRANSITIONS,
    silver.LIFECYCLE_COVERAGE,
)


def rows_of(table, contract):
    return sorted(str(row) for row in table.select(list(contract.column_names)).to_pylist())


def test_a_rebuild_gives_the_same_tables(tmp_path):
    """With departures and returns between the walks, which each know of what was present at their time."""
    played = script(43, "events")
    reader = reader_of(played, played.full_names[0], "events", tmp_path)
    for gap_seconds in (0, *played.gaps_seconds):
        played.world.advance(seconds=gap_seconds)
        reader.sync()
    rows = reader.lake.manifest(reader.repo).rows()
    inputs = {
        f"bronze_{table.name}": reader.lake.bronze_dataset(
            table, reader.repo, unmerged_batches(rows, table.name, {})
        )
        for table in BRONZE_INPUTS
    }
    with connect() as con:
        merge_silver(con, inputs, list(dict.fromkeys(row.run_id for row in rows)))
        for contract in COMPARED:
            stored = reader.lake.dataset(contract, reader.repo).to_table()
            assert rows_of(con.table(contract.name).to_arrow_table(), contract) == rows_of(stored, contract)
