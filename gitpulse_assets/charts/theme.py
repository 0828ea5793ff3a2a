"""The colours of every chart and page, light and dark, and how Vega-Lite is told of them.

The data colours are Okabe and Ito's, which people with any colour vision tell apart, lightened or darkened
until each has a contrast of 3:1 to its background. What a chart shows belongs in charts.py.
"""

from collections.abc import Mapping
from typing import Any

LIGHT = {
    "page": "#f6f7f9",
    "card": "#ffffff",
    "ink": "#1c2128",
    "muted": "#57606a",
    "line": "#8c959f",
    "grid": "#e4e8ec",
    "link": "#0a5a94",
    "opened": "#c05500",
    "closed": "#0072b2",
    "third": "#007f5f",
    "pale": "#c4cad1",
}
DARK = {
    "page": "#0f1419",
    "card": "#181e25",
    "ink": "#e8ecf0",
    "muted": "#a4aeb8",
    "line": "#7b8792",
    "grid": "#2c353f",
    "link": "#6cb8f0",
    "opened": "#f0914a",
    "closed": "#56b4e9",
    "third": "#2fc79b",
    "pale": "#4b5763",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"


def by_variable() -> dict[str, str]:
    """The same names as CSS variables: a chart drawn once then follows the theme of the page around it."""
    return {name: f"var(--{name})" for name in LIGHT}


def css_variables(colours: Mapping[str, str]) -> str:
    """The declarations that `by_variable` refers to."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def vega_config(colours: Mapping[str, str]) -> dict[str, Any]:
    """Vega-Lite's configuration; the styles of marks that have a fixed meaning are named in it."""
    text = {"labelColor": colours["muted"], "titleColor": colours["muted"], "titleFontWeight": "normal"}
    return {
        "background": "transparent",
        "font": FONT,
        "title": {
            "color": colours["ink"],
            "subtitleColor": colours["muted"],
            "anchor": "start",
            "fontSize": 15,
            "subtitleFontSize": 12,
            "offset": 12,
        },
        "axis": text
        | {
            "domainColor": colours["line"],
            "tickColor": colours["line"],
            "gridColor": colours["grid"],
            "labelFontSize": 12,
            "titleFontSize": 12,
            "labelLimit": 220,
        },
        "axisQuantitative": {"tickCount": 6},
        "legend": text | {"orient": "top", "title": None, "labelFontSize": 12, "symbolStrokeWidth": 2.5},
        "text": {"color": colours["ink"], "fontSize": 12},
        "view": {"stroke": None},
        "line": {"strokeWidth": 2},
        "style": mark_styles(colours),
        "range": {"category": [colours["opened"], colours["closed"], colours["third"]]},
    }


def mark_styles(colours: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The styles of marks, by the meaning of their colour."""
    meanings = ("ink", "muted", "opened", "closed", "pale")
    return {name: {"color": colours[name]} for name in meanings}
