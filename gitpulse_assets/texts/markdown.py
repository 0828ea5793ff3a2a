"""Text that is shown as people wrote it: as Markdown in Dagster's UI and at GitHub, and in chats."""

import re

# Of labels and logins: what would become a link, a picture, a tag, a table or another style.
LIVE = re.compile(r"[\\`*_\[\]<>#!|~&:@]|(?<=www)\.", re.IGNORECASE)
# GitHub looks for mentions and references in what Markdown has become, where an escape is gone.
REFERRING = re.compile(r"\\([@#])")
# Discord and Mattermost read these in text, too: a call to everyone, a link under other words.
CALLING = re.compile(r"\B@(?=[\w&])|\](?=\()")
WORD_JOINER = "\u2060"
ESCAPED = re.compile(r"\\(.)")
BACKTICKS = re.compile("`+")


def as_markdown(text: str) -> str:
    """The text as Markdown that renders to itself."""
    return LIVE.sub(r"\\\g<0>", text)


def from_markdown(text: str) -> str:
    """The text that `as_markdown` was given."""
    return ESCAPED.sub(r"\1", text)


def as_github(text: str) -> str:
    """The same for GitHub, where nobody is notified and no issue is referred to by it."""
    return REFERRING.sub(r"\1<!-- -->", as_markdown(text))


def as_chat(text: str) -> str:
    """The text for a chat, where nobody is called by it and no words stand for a link."""
    return CALLING.sub(rf"\g<0>{WORD_JOINER}", text)


def as_code(text: str) -> str:
    """The text in one line of code, in which GitHub makes nothing live; a `|` still ends a table's cell."""
    line = " ".join(text.split()) or " "
    fence = "`" * (1 + max((len(run) for run in BACKTICKS.findall(line)), default=0))
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{edge}{line}{edge}{fence}"
