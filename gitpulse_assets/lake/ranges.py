"""Where an issue's rows lie in a table of several objects: ranges of its number, whose bounds never move.

Numbers grow with time: what changes lies in the newest ranges and in a few old ones, and the others stay as
they are stored. A table of few issues is one object, whose name is that of the first range.
"""

from gitpulse_assets.lake import paths

NARROW, WIDE = 5_000, 20_000
# Beyond it ranges are wide, so that a table of a million issues has some sixty objects.
NARROW_UNTIL = 100_000

# Rows of an issue that no record told of yet, and so of no known number.
UNNUMBERED = -1


def bounds() -> str:
    """Today's bounds, as a commit names them whose tables lie in them."""
    return f"{NARROW} up to {NARROW_UNTIL}, {WIDE} beyond"


def range_part(first_number: int) -> str:
    """The part that holds a range, by the first number it may hold; its name says the last one, too."""
    if first_number == UNNUMBERED:
        return "unnumbered"
    width = NARROW if first_number < NARROW_UNTIL else WIDE
    return f"{first_number:09d}-{first_number + width - 1:09d}" if first_number else paths.WHOLE


def first_number(part: str) -> int:
    """The first number that a part of this name may hold, UNNUMBERED of the rows without one."""
    named = {range_part(UNNUMBERED): UNNUMBERED, paths.WHOLE: 0}
    return named[part] if part in named else int(part.partition("-")[0])


def first_number_sql(number: str) -> str:
    """The SQL of the first number of a number's range, UNNUMBERED where it is null."""
    return (
        f"case when {number} is null then {UNNUMBERED} when {number} < 0 then 0 "
        f"when {number} < {NARROW_UNTIL} then {number} // {NARROW} * {NARROW} "
        f"else {number} // {WIDE} * {WIDE} end"
    )
