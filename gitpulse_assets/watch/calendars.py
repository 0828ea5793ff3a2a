"""Time zones and holidays by name, as the watch list names them."""

from collections.abc import Iterable
from datetime import date

import duckdb

from gitpulse_assets.lake.duck import connect


class UnknownCalendar(ValueError):
    """No time zone or holiday calendar of this name; the message says so in one line."""


def known_time_zone(name: str) -> str:
    """Return the name of a time zone; raises UnknownCalendar for one that days cannot be cut in."""
    with connect() as con:
        try:
            con.execute("select timezone($name, to_timestamp(0))", {"name": name})
        except duckdb.Error:
            message = f"{name!r} is no time zone; write its IANA name, as in Europe/Berlin"
            raise UnknownCalendar(message) from None
    return name


def holidays_of(name: str, years: Iterable[int]) -> tuple[date, ...]:
    """Return the public holidays of a country (`DE`) or a part of it (`DE-BY`) in the years, in their order.

    Raises UnknownCalendar.
    """
    # Imported where one is named: it brings the calendars of 250 countries.
    import holidays

    country, _, part = name.partition("-")
    try:
        return tuple(sorted(holidays.country_holidays(country, part or None, years=years)))
    # So `holidays` refuses what it does not know; its own list lacks names that it takes, as Bayern.
    except NotImplementedError:
        message = f"{name!r} is no holiday calendar; write a country or a part of it, as in DE or DE-BY"
        raise UnknownCalendar(message) from None


def known_holidays(name: str) -> str:
    """Return the name of a holiday calendar; raises UnknownCalendar for one that nobody knows."""
    holidays_of(name, ())
    return name
