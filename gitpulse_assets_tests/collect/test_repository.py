"""The repository's own record: renames, letter case, and a name that has passed to another repository."""

import pytest

from gitpulse_assets.collect.repository import RepositoryReplaced
from gitpulse_assets.contracts import silver
from gitpulse_assets.github.errors import BadToken, IssuesDisabled, RepositoryNotFound
from gitpulse_assets.repo import Repo
from gitpulse_assets.sandbox.world import World


def known(product):
    return product.table(silver.REPOSITORY).to_pylist()[0]


def test_case_30_a_renamed_repository_is_followed(product):
    product.world.rename_repository("acme/rocket", "Acme/Starship")
    product.world.advance(seconds=86_400)
    assert product.sync().status == "complete"
    assert known(product)["repository_full_name"] == "Acme/Starship"
    assert known(product)["former_names"] == ["acme/rocket"]


def test_case_30_a_renamed_repository_keeps_its_rows_and_key(product):
    before = product.table(silver.ISSUE_CURRENT).num_rows
    product.world.rename_repository("acme/rocket", "acme/starship")
    product.sync()
    assert product.table(silver.ISSUE_CURRENT).num_rows == before
    assert known(product)["repo_name"] == "rocket"


def test_case_30_another_letter_case_is_the_same_repository(product):
    product.repo = Repo.parse("ACME/Rocket")
    assert product.sync().walk_kind == "unchanged"


def test_case_30_a_name_that_belongs_to_another_id_is_refused(product):
    before = known(product)
    other = World()
    other.add_repository("acme/rocket", repository_id=987)
    product.show(other)
    with pytest.raises(RepositoryReplaced, match=r"id 987, not \d+"):
        product.collect()
    product.merge()
    assert known(product) == before


@pytest.mark.parametrize(
    ("name", "token", "error"),
    [
        ("acme/nosuch", "good", RepositoryNotFound),
        ("acme/closed", "good", IssuesDisabled),
        ("acme/rocket", "bad", BadToken),
    ],
)
def test_what_cannot_be_read_costs_one_request(make_product, name, token, error):
    world = World()
    world.add_repository("acme/rocket")
    world.add_repository("acme/closed", has_issues=False)
    product = make_product(world, repo=Repo.parse(name))
    with pytest.raises(error):
        product.collect(token=token)
    assert len(product.app.log) == 1


def test_an_unchanged_repository_costs_nothing_and_keeps_its_row(product):
    before = known(product)
    product.sync()
    assert [served.cost for served in product.app.log if served.target == "/repos/acme/rocket"] == [0]
    assert known(product) == before
