"""The colours can be read and told apart, in both themes and by people of any colour vision."""

from itertools import combinations

import pytest

from gitpulse_assets.charts.theme import DARK, LIGHT

TEXT_CONTRAST_MIN, GRAPHIC_CONTRAST_MIN = 4.5, 3.0
# Viénot, Brettel and Mollon (1999), on linear RGB.
DEUTERANOPIA = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
PROTANOPIA = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
SEEN = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def distance(one: str, other: str, vision: tuple[tuple[float, ...], ...]) -> float:
    """Between two colours as someone sees them, on the perceptual scale of a cube root; 0 to about 1.7."""
    seen = []
    for colour in (one, other):
        rgb = linear(colour)
        mixed = [sum(weight * part for weight, part in zip(row, rgb, strict=True)) for row in vision]
        seen.append([max(part, 0) ** (1 / 3) for part in mixed])
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@THEMES
@pytest.mark.parametrize("ground", ["card", "page"])
@pytest.mark.parametrize("text", ["ink", "muted", "link"])
def test_text_is_readable(colours: dict[str, str], ground: str, text: str):
    assert contrast(colours[text], colours[ground]) >= TEXT_CONTRAST_MIN


@THEMES
@pytest.mark.parametrize("mark", ["opened", "closed", "third", "line"])
def test_marks_stand_out(colours: dict[str, str], mark: str):
    assert contrast(colours[mark], colours["card"]) >= GRAPHIC_CONTRAST_MIN


@THEMES
def test_the_button_is_readable(colours: dict[str, str]):
    assert contrast(colours["card"], colours["link"]) >= TEXT_CONTRAST_MIN


@THEMES
@pytest.mark.parametrize("vision", [SEEN, DEUTERANOPIA, PROTANOPIA], ids=["all", "no green", "no red"])
def test_the_data_colours_are_told_apart(colours: dict[str, str], vision: tuple[tuple[float, ...], ...]):
    for one, other in combinations(("opened", "closed", "third"), 2):
        assert distance(colours[one], colours[other], vision) > 0.2, (one, other)
