"""Text in the Markdown that Dagster's UI renders: what people wrote is shown as they wrote it."""

import re

# Of labels and logins: what would become a link, a picture, a tag, a table or another style.
LIVE = re.compile(r"[\\`*_\[\]<>#!|~&:@]|(?<=www)\.", re.IGNORECASE)


def as_markdown(text: str) -> str:
    """The text as Markdown that renders to itself."""
    return LIVE.sub(r"\\\g<0>", text)
