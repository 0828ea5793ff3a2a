"""Parts of a document that are written from declarations, between marks, in what people write by hand.

What a part says is its module's; `make docs` writes them all, and tests hold them to their declarations.
"""

import sys
from collections.abc import Callable
from pathlib import Path

BEGIN, END = "<!-- {}: written by make docs -->\n", "<!-- {}: to here -->\n"


def with_part(text: str, name: str, part: str) -> str:
    """Return a document with one part put between its marks; ValueError where it has none of that name."""
    begin, end = BEGIN.format(name), END.format(name)
    head, mark, rest = text.partition(begin)
    _, closing, tail = rest.partition(end)
    if not (mark and closing):
        raise ValueError(f"the document has no part between {begin.strip()} and {end.strip()}")
    return f"{head}{begin}\n{part.strip()}\n\n{end}{tail}"


def renew(written: Callable[[str], str]) -> None:
    """Write anew the document that the command line names."""
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
