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

    Markets are countries too (`NYSE`). Raises UnknownCalendar.
    """
    # Imported where one is named: it brings the calendars of 250 countries.
    import holidays

    unknown = UnknownCalendar(
        f"{name!r} is no holiday calendar; write a country or a part of it, as in DE or DE-BY"
    )
    country, dash, part = name.partition("-")
    if country not in calendar_codes() or (dash and not part):
        raise unknown
    try:
        return tuple(sorted(holidays.country_holidays(country, part or None, years=years)))
    # So `holidays` refuses a part it does not know; its own list lacks parts that it takes, as Bayern.
    except NotImplementedError:
        raise unknown from None


def calendar_codes() -> set[str]:
    """The codes of all countries and markets; `holidays` takes any attribute of its module for one."""
    import holidays

    return {*holidays.list_supported_countries(), *holidays.list_supported_financial()}


def known_holidays(name: str) -> str:
    """Return the name of a holiday calendar, empty for none; raises UnknownCalendar for an unknown one."""
    if name:
        holidays_of(name, ())
    return name
