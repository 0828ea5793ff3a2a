"""Case 8: a token without the Issues permission was told to check GITHUB_API_URL.

The same answer of GitHub in https://github.com/boostsecurityio/poutine/pull/415.
"""

import pytest

from gitpulse_assets.github.errors import Forbidden
from gitpulse_assets.sandbox.faults import Fault
from gitpulse_assets_tests.field.github_reader import REPO, field_reader


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


def test_08_cousin_one_forbidden_issue_costs_its_own_history(tmp_path):
    reader = field_reader(tmp_path, 3)
    reader.sync()
    reader.touch(2)
    reader.app.faults[:] = [Fault("forbidden_field", match="/graphql", fields=("nodes",), times=100)]
    reader.sync()
    assert len(reader.transitions()) == 5
