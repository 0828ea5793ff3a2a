"""Collects what `marts/` declares, a module each. What is made of the declarations stands in `tables.py`."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from gitpulse_assets import marts
from gitpulse_assets.contracts.mart import Mart


def declared_marts() -> Iterator[Mart]:
    """Yield the mart of every module of `marts/`."""
    for module in iter_modules(marts.__path__):
        yield import_module(f"{marts.__name__}.{module.name}").MART
