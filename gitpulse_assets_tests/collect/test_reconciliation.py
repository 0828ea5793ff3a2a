"""A full walk: what it costs when little changed, what it repairs, and that it says so."""

from dataclasses import replace

import pytest
from pyarrow.dataset import field

from gitpulse_assets.collect.full_walk import known_walk
from gitpulse_assets.collect.session import Session
from gitpulse_assets.contracts.bronze import ISSUE_PAGE, MANIFEST
from gitpulse_assets.contracts.silver import ISSUE_ASSIGNEES, ISSUE_CURRENT, ISSUE_LABELS
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets.sandbox.times import DAY_SECONDS


@pytest.fixture
def acts(world):
    return world.acts_on("acme/rocket")


@pytest.fixture
def issues(acts):
    """The issues of the list, pull requests left out, oldest first."""
    return [issue for issue in acts.repository.issues.values() if not issue.is_pull_request]


def statuses(product) -> list[int]:
    return [served.status for served in product.walked]


def assert_as_walked_anew(product, make_product) -> None:
    """What the lake shows of the present issues is what a first sync of the same GitHub shows."""
    anew = make_product(product.world)
    anew.sync()
    known = product.table(ISSUE_CURRENT)
    assert known.filter(field("departed_at").is_null()).equals(anew.table(ISSUE_CURRENT))
    assert product.table(ISSUE_LABELS).equals(anew.table(ISSUE_LABELS))
    assert product.table(ISSUE_ASSIGNEES).equals(anew.table(ISSUE_ASSIGNEES))


def test_a_second_full_walk_costs_what_changed(product, acts, issues, capsys):
    product.world.advance(seconds=60)
    acts.comment(issues[250], product.world.clock)
    row = product.sync(is_full=True)
    with capsys.disabled():
        print(f"\n{row.page_count} pages, {row.unchanged_page_count} unchanged, {product.units} units")
    assert (row.page_count, row.unchanged_page_count) == (8, 6)
    assert row.record_count < 200
    # The changed page, the last page, the newest record, the probe, two counts, the changed lifecycles.
    assert product.units <= 8


def test_a_walk_of_unchanged_pages_finds_nothing_gone(product):
    row = product.sync(is_full=True)
    assert row.unchanged_page_count == row.page_count - 1
    assert product.repairs() == {"page_count": 8, "unchanged_page_count": 7}
    assert not any("/issues/" in served.target for served in product.app.log)


def test_case_22_a_304_on_page_1_with_news_on_page_2(product, acts, issues, make_product):
    on_page_2 = next(issue for issue in issues if issue.number > 130)
    acts.retitle(on_page_2, product.world.clock, None, "News")
    product.sync(is_full=True)
    assert statuses(product)[:3] == [304, 200, 304]
    assert_as_walked_anew(product, make_product)


def test_the_last_page_is_always_asked_whole(product, world, acts):
    """A 304 has no Link: a page added behind the last one would never be found."""
    author = acts.repository.issues[1].author
    for _ in range(120):
        acts.open(world.clock, author, "New")
    row = product.sync(is_full=True)
    assert statuses(product) == [304] * 7 + [200] * 2
    assert product.table(ISSUE_CURRENT).num_rows == len(acts.repository.issues)
    assert row.page_count == 9


def test_case_31_a_label_and_a_login_renamed_without_updated_at(product, acts, world, make_product):
    label = acts.repository.labels[0]
    author = acts.repository.issues[1].author
    acts.rename_label(label, "renamed")
    author.login = "renamed-too"
    acts.forget_rendered()
    product.sync()
    assert "renamed" not in product.table(ISSUE_LABELS)["label_name"].to_pylist()
    product.sync(is_full=True)
    present = acts.repository.issues.values()
    with_login = [i for i in present if author is i.author or author in i.assignees or author is i.closed_by]
    repairs = product.repairs()
    assert repairs["label_change_count"] == sum(label in issue.labels for issue in present)
    assert 0 < repairs["login_change_count"] <= len(with_login)
    assert repairs["silent_change_count"] <= repairs["label_change_count"] + len(with_login)
    assert_as_walked_anew(product, make_product)


def test_a_state_and_a_column_changed_silently(product, acts, issues):
    closed = next(issue for issue in issues if issue.state_reason == "completed")
    closed.state_reason, closed.raw = "not_planned", None
    issues[3].lock_reason, issues[3].raw = "spam", None
    acts.repository.version += 1
    product.sync(is_full=True)
    repairs = product.repairs()
    assert (repairs["silent_change_count"], repairs["state_change_count"], repairs["other_change_count"]) == (
        2,
        1,
        1,
    )


def test_departures_and_returns_are_found_and_counted(product, acts, issues, world):
    world.advance(seconds=DAY_SECONDS)
    acts.delete(issues[40], world.clock)
    acts.transfer(issues[41], world.clock, None, world.acts_on("elsewhere/outside"))
    acts.hide(issues[42], world.clock)
    product.sync(is_full=True)
    repairs = product.repairs()
    assert (repairs["deleted_count"], repairs["transferred_out_count"], repairs["unknown_count"]) == (1, 1, 1)
    world.advance(seconds=DAY_SECONDS)
    acts.restore(issues[42], world.clock)
    product.sync(is_full=True)
    assert product.repairs()["returned_count"] == 1


@pytest.mark.slow
def test_another_token_costs_but_never_lies(product, make_product, acts, issues):
    acts.retitle(issues[150], product.world.clock, None, "News")
    product.sync(is_full=True, token="another-token")
    assert set(statuses(product)) == {200}
    assert_as_walked_anew(product, make_product)


@pytest.mark.slow
def test_a_known_address_that_is_refused_begins_a_walk_without_any(product, acts, issues, make_product):
    acts.retitle(issues[150], product.world.clock, None, "News")
    product.app.faults.append(
        Fault("status", match="&after=", skip=2, status=422, body='{"message": "Bad cursor"}')
    )
    product.sync(is_full=True)
    assert statuses(product)[4:] == [200] * 8
    assert_as_walked_anew(product, make_product)


def test_a_resumed_walk_keeps_using_the_known_pages(product, acts, issues):
    before = product.table(ISSUE_CURRENT)
    product.app.faults.append(Fault("status", match="&after=", skip=3, times=100, status=502))
    with pytest.raises(Exception, match="502"):
        product.collect(is_full=True)
    assert len({served.target for served in product.walked}) == 5
    product.app.faults.clear()
    row = product.sync(is_full=True)
    assert row.resumed_run_id == "run-002"
    assert statuses(product) == [304] * 3 + [200]
    assert product.repairs() == {"page_count": 8, "unchanged_page_count": 7}
    assert product.table(ISSUE_CURRENT).equals(before)


def test_the_manifest_counts_unchanged_pages_apart(product):
    product.sync(is_full=True)
    first, second = [
        row
        for row in product.lake.dataset(MANIFEST, product.repo).to_table().to_pylist()
        if row["stream"] == "issues"
    ]
    assert (first["page_count"], first["unchanged_page_count"], second["unchanged_page_count"]) == (8, 0, 7)
    assert second["record_count"] == first["record_count"] % 100
    pages = product.lake.bronze_dataset(ISSUE_PAGE, product.repo, [("run-002", [1])]).to_table()
    assert pages["records_run_id"].to_pylist() == ["run-001"] * 7 + ["run-002"]


def test_of_a_walk_by_an_older_version_no_page_is_known(product):
    """It kept the ETags of pages that lacked records, and counted none: every page is asked for whole."""
    manifest = product.lake.manifest(product.repo)
    with product.client("good-token") as client:
        known = known_walk(Session(client, product.lake, product.repo, "run-002"))
        manifest.remake([replace(row, lacked_count=None) for row in manifest.rows()])
        unknown = known_walk(Session(client, product.lake, product.repo, "run-003"))
    assert (len(known.pages), len(unknown.pages)) == (8, 0)


@pytest.mark.slow
def test_a_third_walk_knows_where_the_first_ones_records_are(product, acts, world, issues):
    product.sync(is_full=True)
    acts.delete(issues[-1], world.clock)
    product.sync(is_full=True)
    assert product.repairs() == {"page_count": 8, "unchanged_page_count": 7, "deleted_count": 1}


def test_records_of_a_run_that_was_removed_are_asked_for_again(product):
    product.sync(is_full=True)
    product.lake.manifest(product.repo).remove([("run-001", "issues")])
    product.sync(is_full=True)
    assert statuses(product) == [200] * 8


@pytest.mark.slow
def test_what_an_earlier_walk_overlooked_is_found(make_product, acts, issues, world):
    """As a stale replica would: the record was there, with an old updated_at, and no walk was shown it."""
    product, overlooked = make_product(world), issues[60]
    del acts.repository.issues[overlooked.number]
    acts.repository.version += 1
    product.sync()
    acts.repository.issues[overlooked.number] = overlooked
    acts.repository.version += 1
    product.sync()
    assert product.table(ISSUE_CURRENT).num_rows == len(acts.repository.issues) - 1
    product.sync(is_full=True)
    assert product.repairs()["overlooked_count"] == 1
    assert product.table(ISSUE_CURRENT).num_rows == len(acts.repository.issues)
