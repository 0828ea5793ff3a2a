"""Files that people write and GitPulse reads: UTF-8, and told by line where they are not."""

from pathlib import Path

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class NotText(ValueError):
    """A file cannot be read as text; str() says which, where and what to do."""


def read_text(path: Path) -> str:
    """The file's text, without a byte order mark; raises NotText, and OSError where it cannot be read."""
    content = path.read_bytes()
    if b"\0" not in content and bad_line(content) == 0:
        return content.decode("utf-8-sig")
    raise NotText(unreadable(path, content))


def unreadable(path: Path, content: bytes) -> str:
    """Say where a file is not UTF-8 and what to do."""
    if content.startswith(UTF_16_MARKS) or b"\0" in content:
        what, line = "it is UTF-16, as PowerShell's > writes it", 1
    else:
        what, line = "it is no UTF-8", bad_line(content)
    return f"{path}, line {line}: cannot be read as text, {what}; save the file as UTF-8"


def bad_line(content: bytes) -> int:
    """The number of the first line that is not UTF-8, 0 where there is none."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 0
