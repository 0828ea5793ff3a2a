"""Case 8: a token without the Issues permission was told to check GITHUB_API_URL.

The same answer of GitHub in https://github.com/boostsecurityio/poutine/pull/415.
"""

import re

import pytest

from gitpulse_assets.github.errors import Forbidden
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets_tests.field.github_reader import NAME, REPO, field_reader


@pytest.mark.parametrize(
    ("field", "permission"),
    [
        ("repository.issues", "Issues"),
        ("repository", "Metadata"),
        ("repository.issues.totalCount", "Issues"),
        ("repository.issues.nodes.timelineItems", "Issues"),
    ],
)
def test_08_every_forbidden_names_the_permission_and_the_repository(tmp_path, field, permission):
    reader = field_reader(tmp_path, 3, Fault("forbidden_field", match="/graphql", fields=(field,)))
    with pytest.raises(Forbidden, match=rf"octo-org/hello .*the permission {permission}: read"):
        reader.sync()


def test_08_cousin_pull_requests_are_forbidden(tmp_path):
    field = "repository.pullRequests"
    reader = field_reader(tmp_path, 3, Fault("forbidden_field", match="/graphql", fields=(field,)))
    with reader.client("good") as client, pytest.raises(Forbidden, match="permission Pull requests: read"):
        client.repository_size(REPO)


def test_08_cousin_one_forbidden_issue_costs_its_own_history_and_names_the_permission(tmp_path, caplog):
    reader = field_reader(tmp_path, 3)
    reader.sync()
    reader.touch(2)
    reader.app.faults[:] = [Fault("forbidden_field", match="/graphql", fields=("nodes",), times=100)]
    reader.sync()
    assert len(reader.transitions()) == 5
    (told,) = [record.message for record in caplog.records if "forbids" in record.message]
    assert re.search(r"nodes\.0 of octo-org/hello .*the permission Issues: read", told)


def test_08_cousin_what_another_repository_forbids_is_no_want_of_a_permission_here(tmp_path):
    """An issue that came from a repository out of sight: its arrival is known, only not from where."""
    reader = field_reader(tmp_path, 3)
    acts = reader.world.add_repository("octo-org/other")
    acts.open(reader.world.clock, None, "Title")
    reader.world.advance(seconds=60)
    acts.transfer(acts.repository.issues[1], reader.world.clock, None, reader.world.acts_on(NAME))
    reader.world.advance(seconds=3600)
    field = "repository.issues.nodes.timelineItems.nodes.fromRepository"
    reader.app.faults[:] = [Fault("forbidden_field", match="/graphql", fields=(field,), times=100)]
    reader.sync()
    assert [kind for _, _, kind in reader.transitions()].count("transferred_in") == 1
