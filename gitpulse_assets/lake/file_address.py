"""Which folder a file:// address names, read as RFC 8089 and the URL standard have it, or refused."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

EXAMPLE = "for example file:///srv/gitpulse"


def is_file_address(text: str) -> bool:
    """Whether the text is such an address, in any letter case and with any number of slashes."""
    return text.lower().startswith("file:")


def folder_of(address: str) -> Path:
    """The folder, percent-escapes decoded; raises ValueError where that is none of this machine."""
    if "\\" in address:
        raise ValueError(f"{address!r} has a \\, which some read as /; write /, or %5C in a folder's name")
    try:
        parts = urlsplit(address)
    except ValueError:
        # Brackets that are none of an address.
        raise ValueError(f"{address!r} names a host that cannot be read; {EXAMPLE}") from None
    if parts.netloc.lower() not in ("", "localhost"):
        raise ValueError(
            f"{address!r} names a host, {parts.netloc!r}, not a folder of this machine; {EXAMPLE}"
        )
    if "?" in address or "#" in address:
        raise ValueError(f"{address!r} has a ? or #, which ends a path; write %3F or %23 for them")
    if not parts.path.startswith("/"):
        raise ValueError(f"{address!r} is no absolute path; {EXAMPLE}")
    if re.search("%(?![0-9a-f]{2})|%2f|%00", parts.path, re.IGNORECASE):
        raise ValueError(f"{address!r} has a % that stands for no character of a name; write %25 for a %")
    try:
        return Path(unquote(parts.path, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError(f"{address!r} has escapes that are no UTF-8; {EXAMPLE}") from None
