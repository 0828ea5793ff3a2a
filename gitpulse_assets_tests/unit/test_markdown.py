"""Labels in Dagster's metadata are text."""

import pyarrow as pa
import pytest

from gitpulse_assets.assets.making import verdict_metadata
from gitpulse_assets.runs.history import paragraphs_of
from gitpulse_assets.texts.markdown import as_code, as_github, as_markdown


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("<img src=x>", r"\<img src=x\>"),
        ("![seen](https://example.com/a.png)", r"\!\[seen\](https\://example.com/a.png)"),
        ("a|b", r"a\|b"),
        ("*bold* _it_ `code`", r"\*bold\* \_it\_ \`code\`"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("www.example.com", r"www\.example.com"),
        ("good first issue, 12.5 %", "good first issue, 12.5 %"),
    ],
)
def test_12_what_people_wrote_is_no_markdown(label: str, shown: str):
    assert as_markdown(label) == shown


def test_12_an_alert_has_the_words_as_they_were():
    """It takes them from Dagster's metadata, and told `exact count\\: 26 more` with what Markdown needs."""
    words = r"exact count: 26 more; <b>urgent</b>, good_first_issue, a\b, \[x](http://www.example.com)"
    rows = {"window_days": [90], "direction": ["growing"], "paragraph": [words]}
    stored = {name: value.value for name, value in verdict_metadata(pa.table(rows)).items()}
    assert stored["verdict_90_days"] != words
    assert paragraphs_of(stored) == {90: words}


@pytest.mark.parametrize(
    ("label", "shown"),
    [("@octocat", "@<!-- -->octocat"), ("fixes #12", "fixes #<!-- -->12"), ("<b>@x", r"\<b\>@<!-- -->x")],
)
def test_on_github_nobody_is_notified_and_nothing_referred_to(label: str, shown: str):
    assert as_github(label) == shown


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("@octocat breaks <b>", "`@octocat breaks <b>`"),
        ("use `x`", "`` use `x` ``"),
        ("``` in the middle", "```` ``` in the middle ````"),
        ("two\nlines", "`two lines`"),
        ("", "` `"),
    ],
)
def test_a_title_is_one_line_of_code(title: str, shown: str):
    assert as_code(title) == shown
