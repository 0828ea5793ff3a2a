"""From a chart's document to one in the page's colours, an SVG or a PNG, without a browser or a network.

What a chart shows belongs in charts.py, its colours in theme.py.
"""

from gitpulse_assets.charts.parts import Document
from gitpulse_assets.charts.theme import LIGHT, by_variable, vega_config


def untitled(document: Document) -> Document:
    """The document in the page's colours without its title, which stands above it as text."""
    return {name: part for name, part in document.items() if name != "title"} | {
        "config": vega_config(by_variable())
    }


def svg(document: Document, width: int = 720) -> str:
    """Draw a document of the page's colours as SVG, which takes them from the CSS around it."""
    import vl_convert

    return vl_convert.vegalite_to_svg(document | {"width": width})


def png(document: Document, width: int = 480, scale: float = 1) -> bytes:
    """Draw a chart with its title on white, as small as a preview may be."""
    import vl_convert

    config = vega_config(LIGHT) | {"background": LIGHT["card"], "padding": 12}
    return vl_convert.vegalite_to_png(document | {"width": width, "config": config}, scale=scale)
