"""Tables made anew from everything received equal those merged run by run, also where REST events tell."""

import pytest

from gitpulse_assets_tests.history.histories import script
from gitpulse_assets_tests.history.prove import reader_of
from gitpulse_assets_tests.history.rebuilding import differences


@pytest.mark.slow
def test_a_rebuild_gives_the_same_tables(tmp_path):
    """With departures and returns between the walks, which each know of what was present at their time."""
    played = script(43, "events")
    reader = reader_of(played, played.full_names[0], "events", tmp_path)
    for gap_seconds in (0, *played.gaps_seconds):
        played.world.advance(seconds=gap_seconds)
        reader.sync()
    assert differences(reader.lake, reader.repo) == {}
