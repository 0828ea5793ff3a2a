"""From a chart's document to one in the page's colours, an SVG or a PNG, without a browser or a network.

What a chart shows belongs in charts.py, its colours in theme.py.
"""

import struct
import zlib
from collections.abc import Iterator

from gitpulse_assets.charts.parts import Document
from gitpulse_assets.charts.theme import LIGHT, by_variable, vega_config

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A browser's letters are wider than those the drawer measures with.
SVG_PADDING = {"left": 16, "top": 5, "right": 16, "bottom": 5}


def untitled(document: Document) -> Document:
    """The document in the page's colours without its title, which stands above it as text."""
    return {name: part for name, part in document.items() if name != "title"} | {
        "config": vega_config(by_variable())
    }


def svg(document: Document, width: int) -> str:
    """Draw a document of the page's colours as SVG, which takes them from the CSS around it."""
    import vl_convert

    return vl_convert.vegalite_to_svg(document | {"width": width, "padding": SVG_PADDING})


def png(document: Document, width: int) -> bytes:
    """Draw a chart with its title on white, as small as a preview may be."""
    import vl_convert

    drawn = vl_convert.vegalite_to_png(on_white(document, width))
    return repacked(drawn)


def picture(document: Document, width: int) -> str:
    """Draw a chart with its title on white as an SVG that stands alone."""
    import vl_convert

    return vl_convert.vegalite_to_svg(on_white(document, width))


def on_white(document: Document, width: int) -> Document:
    """The document in the light colours on their card."""
    config = vega_config(LIGHT) | {"background": LIGHT["card"], "padding": 12}
    return document | {"width": width, "config": config}


def repacked(drawn: bytes) -> bytes:
    """Compress a PNG's pixels as well as zlib can; the drawer is quick about it, to twice the size."""
    pixels = zlib.decompress(b"".join(data for kind, data in chunks(drawn) if kind == b"IDAT"))
    head = next(data for kind, data in chunks(drawn) if kind == b"IHDR")
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")


def chunks(drawn: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Take a PNG apart into (kind, data)."""
    position = len(SIGNATURE)
    while position < len(drawn):
        (length,) = struct.unpack_from(">I", drawn, position)
        yield drawn[position + 4 : position + 8], drawn[position + 8 : position + 8 + length]
        position += 12 + length


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
