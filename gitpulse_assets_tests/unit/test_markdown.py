"""Labels in Dagster's metadata are text."""

import pytest

from gitpulse_assets.markdown import as_code, as_github, as_markdown


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
