"""The REST paths of the stand-in GitHub."""

import httpx
import pytest

from gitpulse_assets.sandbox.server import Sandbox

LIST = "/repos/octo-org/hello/issues"


def walk(client: httpx.Client, url: str) -> list[dict]:
    """All records of a list, by following the cursors."""
    records, next_url = [], url
    while next_url:
        answer = client.get(next_url)
        assert answer.status_code == 200, answer.text
        records += answer.json()
        next_url = answer.links.get("next", {}).get("url")
    return records


@pytest.mark.parametrize("sort", ["created", "updated", "comments"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_cursor_walk_sees_every_record_once(client, sandbox: Sandbox, sort, direction):
    records = walk(client, f"{LIST}?state=all&per_page=37&sort={sort}&direction={direction}")
    issues = sandbox.world.acts_on("octo-org/hello").repository.issues
    assert sorted(record["number"] for record in records) == sorted(issues)


def test_next_links_carry_a_cursor_and_the_numeric_repository_and_no_last(client, sandbox: Sandbox):
    links = client.get(f"{LIST}?state=all&per_page=100").links
    repository_id = sandbox.world.acts_on("octo-org/hello").repository.repository_id
    assert set(links) == {"next"}
    assert links["next"]["url"].startswith(f"{sandbox.base_url}/repositories/{repository_id}/issues?")
    assert "after=" in links["next"]["url"]
    assert "page=2" in links["next"]["url"]
