#!/usr/bin/env bash
# msgspec 0.22.0: one would guess that whatever is wrong with bytes given to msgspec.json.decode is a
# msgspec.DecodeError, as for every other malformed document. Bytes of a string that are no UTF-8 raise Python's own
# UnicodeDecodeError, which no `except msgspec.MsgspecError` meets (both are ValueErrors), with a position inside the
# string, not the document; the same byte outside a string is a DecodeError, and inside what is taken as msgspec.Raw it
# is no error at all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet msgspec==0.22.0
"$folder/venv/bin/python" - <<'PYTHON'
import msgspec


def met(document: bytes, kind: type = object) -> str:
    try:
        msgspec.json.decode(document, type=kind)
    except ValueError as error:
        is_msgspecs = isinstance(error, msgspec.MsgspecError)
        return f"{type(error).__name__}, a MsgspecError: {is_msgspecs}: {error}"
    return "no error"


text, outside, raw = met(b'{"name": "\xff"}'), met(b'{"name": \xff}'), met(b'["\xff"]', list[msgspec.Raw])
assert text.startswith("UnicodeDecodeError, a MsgspecError: False") and "position 0" in text, text
assert outside.startswith("DecodeError, a MsgspecError: True"), outside
assert raw == "no error", raw
print(f"in a string: {text}\noutside of one: {outside}\nas Raw: {raw}")
PYTHON
