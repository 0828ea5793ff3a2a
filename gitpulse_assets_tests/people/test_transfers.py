"""An issue that came from a repository nobody watches: its own events tell what it carried there."""

from gitpulse_assets.sandbox.model import Label
from gitpulse_assets_tests.history.moving import NEW, OLD, transferred, two_repositories
from gitpulse_assets_tests.history.product import Reader


def told(row):
    return row["is_linked"], row["other_label_names"], row["label_names"]


def test_labels_before_a_transfer_are_told_by_events_where_nobody_watches_the_old_home(tmp_path):
    world = two_repositories()
    old = world.acts_on(OLD.key)
    issue, (bug, _) = old.repository.issues[1], old.repository.labels
    old.label(issue, world.clock - 3600, None, bug)
    moved = transferred(world)
    new = world.acts_on(NEW.key)
    new.label(moved, world.clock, None, new.repository.labels[0])
    world.advance(seconds=60)
    reader = Reader(world, NEW, tmp_path / "lake")
    reader.sync()
    (came,) = reader.transfers()
    assert told(came) == (False, ["area: old"], ["bug"])


def test_what_the_old_home_showed_before_it_was_labelled_last_is_brought_up_to_date_by_events(tmp_path):
    world = two_repositories()
    old = world.acts_on(OLD.key)
    issue, (_, area) = old.repository.issues[1], old.repository.labels
    lake = tmp_path / "lake"
    Reader(world, OLD, lake).sync()
    world.advance(seconds=60)
    later = Label(99, "later", "d73a4a")
    old.repository.labels.append(later)
    old.label(issue, world.clock, None, later)
    old.label(issue, world.clock, None, area)  # which takes it off
    transferred(world)
    reader = Reader(world, OLD, lake, run_count=1)
    reader.sync(is_full=True)
    new = Reader(world, NEW, lake)
    new.sync()
    (came,) = new.transfers()
    assert told(came) == (True, ["bug", "later"], ["bug"])


def test_a_carried_label_counts_from_the_arrival_and_not_from_the_creation(tmp_path):
    world = two_repositories()
    old = world.acts_on(OLD.key)
    moved = transferred(world)
    (came,) = (fact for fact in world.acts_on(NEW.key).facts if fact.kind == "label_carried")
    assert moved.created_at < came.at
    world.advance(seconds=60)
    reader = Reader(world, NEW, tmp_path / "lake")
    reader.sync()
    with reader.gold() as con:
        rows = con.table("mart_time_in_label").to_arrow_table().to_pylist()
    (row,) = (row for row in rows if row["issue_number"] == moved.number)
    assert row["first_entered_at"].timestamp() == came.at
    assert row["total_seconds"] < world.clock - old.repository.created_at
