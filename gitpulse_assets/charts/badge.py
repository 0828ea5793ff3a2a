"""The verdict as a badge: for a README as SVG, and as shields.io's endpoint takes it.

Both say the same in the same colours; white on each of them has a contrast of at least 4.5:1.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import escape

LABEL = "issue backlog"
LABEL_COLOUR = "#555f69"
UNKNOWN = "not known"
COLOURS = {"growing": "#b04e00", "shrinking": "#00704f", "flat": "#0068a3"}
OTHER_COLOUR = "#666f78"
# Of DejaVu Sans and Verdana at 11 px; textLength makes any other font keep to it.
NARROW, NARROW_WIDTH = frozenset("fijlrt ,.-"), 4.2
WIDE, WIDE_WIDTH = frozenset("mw+"), 9.4
USUAL_WIDTH = 6.9
PADDING = 12
HEIGHT = 20


def message(verdict: Mapping[str, Any] | None) -> str:
    """Say the direction, and the pace where it is one: `growing, +3.2 a week`."""
    if verdict is None:
        return UNKNOWN
    pace = verdict["pace_per_week"]
    is_moving = verdict["direction"] in ("growing", "shrinking") and pace is not None
    return f"{verdict['direction']}, {pace:+.1f} a week" if is_moving else verdict["direction"]


def colour(verdict: Mapping[str, Any] | None) -> str:
    """The colour of a direction."""
    return COLOURS.get(verdict["direction"], OTHER_COLOUR) if verdict else OTHER_COLOUR


def endpoint(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the badge as shields.io's endpoint badge takes it."""
    return {
        "schemaVersion": 1,
        "label": LABEL,
        "message": message(verdict),
        "labelColor": LABEL_COLOUR,
        "color": colour(verdict),
    }


def svg(verdict: Mapping[str, Any] | None) -> str:
    """Return the badge as SVG; its title says the same with its window."""
    said = message(verdict)
    left, right = (width(text) + PADDING for text in (LABEL, said))
    title = verdict["opening"] if verdict else f"{LABEL}: {said}"
    size = f'width="{left + right}" height="{HEIGHT}"'
    label = f"M3 0h{left - 3}v{HEIGHT}h-{left - 3}a3 3 0 0 1-3-3v-{HEIGHT - 6}a3 3 0 0 1 3-3z"
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{LABEL}: {said}">
<title>{escape(title)}</title>
<rect {size} rx="3" fill="{colour(verdict)}"/>
<path d="{label}" fill="{LABEL_COLOUR}"/>
<g fill="#fff" text-anchor="middle" font-family="DejaVu Sans,Verdana,Geneva,sans-serif" font-size="11">\
{words(LABEL, left / 2, left)}{words(said, left + right / 2, right)}</g>
</svg>
"""


def width(text: str) -> int:
    """How wide a text is, in pixels."""
    widths = dict.fromkeys(NARROW, NARROW_WIDTH) | dict.fromkeys(WIDE, WIDE_WIDTH)
    return round(sum(widths.get(letter, USUAL_WIDTH) for letter in text))


def words(text: str, middle: float, field: int) -> str:
    """A text of the badge, as wide as its field leaves room for."""
    return f'<text x="{middle}" y="14" textLength="{field - PADDING}">{escape(text)}</text>'
