"""From a chart to a Vega-Lite document, an SVG or a PNG, without a browser and without a network.

What a chart shows belongs in charts.py, its colours in theme.py.
"""

from typing import Any

import altair as alt

from gitpulse_assets.charts.theme import LIGHT, by_variable, vega_config

HEIGHT = 260


def vega_lite(chart: alt.TopLevelMixin, *, colours: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the chart's document, in the page's colours unless others are given.

    It is held to Vega-Lite's schema by the tests, not by each page.
    """
    document = chart.to_dict(validate=False)
    return {"height": HEIGHT} | document | {"config": vega_config(colours or by_variable())}


def untitled(document: dict[str, Any]) -> dict[str, Any]:
    """The document without its title, which stands above it as text."""
    return {name: value for name, value in document.items() if name != "title"}


def svg(document: dict[str, Any], width: int = 720) -> str:
    """Draw a document of the page's colours as SVG, which takes them from the CSS around it."""
    import vl_convert

    return vl_convert.vegalite_to_svg(document | {"width": width})


def png(chart: alt.TopLevelMixin, width: int = 480, scale: float = 1) -> bytes:
    """Draw a chart on white, as small as a preview may be."""
    import vl_convert

    document = vega_lite(chart, colours=LIGHT)
    document["config"] |= {"background": LIGHT["card"], "padding": 12}
    return vl_convert.vegalite_to_png(document | {"width": width}, scale=scale)
