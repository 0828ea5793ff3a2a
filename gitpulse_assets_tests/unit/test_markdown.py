"""Labels in Dagster's metadata are text."""

import pytest

from gitpulse_assets.assets.markdown import as_markdown


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
def test_what_people_wrote_is_no_markdown(label: str, shown: str):
    assert as_markdown(label) == shown
