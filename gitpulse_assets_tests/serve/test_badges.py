"""The badge in both forms, and the feed of flips."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from gitpulse_assets.answers.flips import WEEKS, Flip, flips, week_ends
from gitpulse_assets.charts import badge
from gitpulse_assets.serve import atom

SVG = "{http://www.w3.org/2000/svg}"
ATOM = f"{{{atom.NAMESPACE}}}"
ROCKET, EMPTY, HALF, NOWHERE = "acme/rocket", "acme/empty", "acme/half", "acme/nowhere"
KEYS = {"GITPULSE_API_KEYS": "a-key-of-sixteen-characters"}
PATHS = [f"/badge/{ROCKET}.svg", f"/badge/{ROCKET}.json", f"/feed/{ROCKET}.atom", "/feeds.opml"]


def verdict(direction: str, pace: float | None = None, end: date = date(2026, 6, 28)) -> dict:
    return {
        "repo_owner": "acme",
        "repo_name": "rocket",
        "direction": direction,
        "pace_per_week": pace,
        "window_days": 90,
        "window_start_date": end - timedelta(days=89),
        "window_end_date": end,
        "opening": f"acme/rocket is {direction}",
        "paragraph": f"It is {direction}. label <a>&\x0b",
    }


@pytest.mark.parametrize("window", ["28", "90", "180"])
def test_a_badge_says_what_the_verdict_says(client, window):
    told = client.get(f"/api/repository/{ROCKET}/verdict", params={"window": window}).json()["verdict"]
    picture = client.get(f"/badge/{ROCKET}.svg", params={"window": window})
    assert picture.headers["content-type"] == "image/svg+xml"
    root = ElementTree.fromstring(picture.text)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts == [badge.LABEL, badge.message(told)]
    assert root.find(f"{SVG}title").text == told["opening"]
    shields = client.get(f"/badge/{ROCKET}.json", params={"window": window}).json()
    assert (shields["schemaVersion"], shields["label"], shields["message"]) == (1, *texts)


@pytest.mark.parametrize(
    ("direction", "pace", "said"),
    [
        ("growing", 3.24, "growing, +3.2 a week"),
        ("shrinking", -1.06, "shrinking, -1.1 a week"),
        ("flat", 0.1, "flat"),
        ("unclear", 9.0, "unclear"),
        ("growing", None, "growing"),
    ],
)
def test_only_a_direction_that_moves_has_a_pace(direction: str, pace: float | None, said: str):
    assert badge.message(verdict(direction, pace)) == said


def test_white_is_read_on_every_colour_of_a_badge():
    for colour in (*badge.COLOURS.values(), badge.OTHER_COLOUR, badge.LABEL_COLOUR):
        assert contrast_to_white(colour) >= 4.5, colour


def contrast_to_white(colour: str) -> float:
    """As WCAG 2 counts it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@pytest.mark.parametrize(("repo", "status"), [(HALF, 409), (NOWHERE, 404)])
def test_without_an_answer_the_picture_says_so(client, repo: str, status: int):
    reply = client.get(f"/badge/{repo}.svg")
    assert (reply.status_code, reply.headers["cache-control"]) == (status, "no-cache")
    assert badge.UNKNOWN in ElementTree.fromstring(reply.text).attrib["aria-label"]
    assert client.get(f"/badge/{repo}.json").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", PATHS)
def test_it_is_kept_a_while_and_known_by_its_tag(client, path: str):
    reply = client.get(path)
    assert (reply.status_code, reply.headers["cache-control"]) == (200, "max-age=300")
    again = client.get(path, headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "max-age=300")
    assert client.get(path, params={"wnidow": "28"}).status_code == 422


@pytest.mark.parametrize("path", PATHS)
def test_it_needs_the_key_that_all_need(make_client, path: str):
    client = make_client(**KEYS)
    assert client.get(path).status_code == 401
    authorization = {"Authorization": f"Bearer {KEYS['GITPULSE_API_KEYS']}"}
    assert client.get(path, headers=authorization).status_code == 200


def test_weeks_end_on_sundays_that_are_over():
    ends = week_ends(date(2020, 1, 1), date(2026, 7, 4))
    assert (ends[-1], len(ends)) == (date(2026, 6, 28), WEEKS)
    assert {end.weekday() for end in ends} == {6}
    assert week_ends(date(2026, 6, 28), date(2026, 6, 28)) == [date(2026, 6, 28)]
    assert week_ends(date(2026, 6, 22), date(2026, 6, 27)) == []


def test_unclear_neither_is_a_flip_nor_makes_one():
    told = [verdict(name) for name in ("unclear", "growing", "unclear", "growing", "unclear", "flat", "flat")]
    assert list(flips(told)) == [Flip("growing", told[5])]


def test_the_flips_are_the_verdicts_of_those_weeks(client):
    """Each entry's direction is what the API says of the same window, and none is missing."""
    entries = ElementTree.fromstring(client.get(f"/feed/{ROCKET}.atom").content).findall(f"{ATOM}entry")
    told = client.get(f"/api/repository/{ROCKET}/verdict").json()["verdict"]
    asked = []
    for end in week_ends(date(2020, 1, 1), date.fromisoformat(told["window_end_date"])):
        reply = client.get(f"/api/repository/{ROCKET}/verdict", params={"window": "90", "to": str(end)})
        if reply.status_code == 200:
            asked.append(reply.json()["verdict"])
    expected = [flip.verdict["paragraph"] for flip in flips(asked)]
    assert [entry.find(f"{ATOM}content").text for entry in reversed(entries)] == expected


def test_a_feed_is_atom_whatever_a_label_is_named():
    older, newer = verdict("flat", end=date(2026, 5, 3)), verdict("shrinking", -2.0)
    told, path = [Flip("growing", older), Flip("flat", newer)], "/feed/acme/rocket.atom"
    root = ElementTree.fromstring(atom.feed("https://host/backlog", path, "Acme/Rocket", told))
    assert root.find(f"{ATOM}id").text == f"https://host/backlog{path}"
    assert root.find(f"{ATOM}updated").text == "2026-06-28T23:59:59+00:00"
    first, second = root.findall(f"{ATOM}entry")
    assert first.find(f"{ATOM}title").text == "Acme/Rocket: the backlog was flat, now it is shrinking"
    assert first.find(f"{ATOM}content").text == "It is shrinking. label <a>&\ufffd"
    assert first.find(f"{ATOM}link").attrib["href"] == (
        "https://host/backlog/?repo=acme%2Frocket&from=2026-03-31&to=2026-06-28"
    )
    ids = [one.find(f"{ATOM}id").text for one in (first, second)]
    assert len(set(ids)) == 2
    assert all(one.startswith("urn:uuid:") for one in ids)
    for one in (root, first, second):
        assert {f"{ATOM}id", f"{ATOM}title", f"{ATOM}updated"} <= {child.tag for child in one}


def test_all_feeds_are_listed_for_a_reader_to_take_at_once(make_client):
    client = make_client(GITPULSE_PAGE_URL="https://host/backlog")
    root = ElementTree.fromstring(client.get("/backlog/feeds.opml").content)
    listed = [(one.get("text"), one.get("xmlUrl")) for one in root.iter("outline")]
    assert listed == [(name, f"https://host/backlog/feed/{name}.atom") for name in (EMPTY, HALF, ROCKET)]
    assert client.get(str(listed[2][1])).headers["content-type"].startswith(atom.MEDIA_TYPE)
