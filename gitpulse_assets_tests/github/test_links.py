import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitpulse_assets.github.errors import AnswerUnusable, ForeignLink, WrongAddress
from gitpulse_assets.github.links import next_link, origin, same_origin

API = "https://api.github.test/repos/o/r/issues"

urls = st.text(st.characters(codec="ascii", exclude_characters="<>", exclude_categories=["Cc"]), min_size=1)
relations = st.sampled_from(["prev", "next", "first", "last", "up"])


@given(st.lists(st.tuples(urls, relations), max_size=5))
def test_next_is_the_first_target_with_that_relation_verbatim(links):
    header = ", ".join(f'<{url}>; rel="{relation}"' for url, relation in links)
    expected = next((url for url, relation in links if relation == "next"), None)
    assert next_link(header) == expected


@given(st.text(max_size=80))
def test_any_header_is_read_or_refused(header):
    try:
        found = next_link(header)
    except AnswerUnusable:
        return
    assert found is None or f"<{found}>" in header


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("<u>; rel=next", "u"),
        ('<u>;rel="prev next"', "u"),
        ('<u>; title="a, <b>; rel=next"; rel="last"', None),
        ('<u>; REL="NEXT"', "u"),
        ("<u>", None),
        ('<p?a=1,2;3>; rel="prev", <n?after=Y3%3D%3D>; rel="next"', "n?after=Y3%3D%3D"),
    ],
)
def test_forms_of_a_link_header(header, expected):
    assert next_link(header) == expected


@pytest.mark.parametrize("header", ["u; rel=next", '<u; rel="next"', '<u>; rel="next" <v>'])
def test_a_header_that_cannot_be_read_is_never_the_end(header):
    with pytest.raises(AnswerUnusable, match="Link header"):
        next_link(header)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/x",
        "http://api.github.test/x",
        "https://api.github.test:8443/x",
        "https://api.github.test@evil.test/x",
        "https://me:secret@api.github.test/x",
        "//evil.test/x",
        "ftp://api.github.test/x",
        "https://api.github.test.evil.test/x",
        "https://[::1/x",
        "https:///x",
        "/\x00",
        "",
    ],
)
def test_a_target_of_another_origin_is_refused(target):
    if target == "":
        assert same_origin(API, target) == API
        return
    with pytest.raises((ForeignLink, WrongAddress)):
        same_origin(API, target)


@pytest.mark.parametrize(
    "target", ["https://API.github.test:443/x?after=a%3D", "/x", "https://api.github.test/x"]
)
def test_the_default_port_and_letter_case_make_no_other_origin(target):
    assert origin(same_origin(API, target)) == ("https", "api.github.test", 443)


def test_an_absolute_target_stays_as_written():
    assert same_origin(API, "https://API.github.test/x?a=%7e") == "https://API.github.test/x?a=%7e"


def test_a_relative_target_is_joined():
    assert same_origin(API, "/x") == str(httpx.URL("https://api.github.test/x"))
