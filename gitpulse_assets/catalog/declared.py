"""Collects what `marts/` declares, a module each. What is made of the declarations stands in `tables.py`."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from gitpulse_assets import marts
from gitpulse_assets.chosen import is_chosen
from gitpulse_assets.contracts.mart import Mart


def declared_marts() -> Iterator[Mart]:
    """Yield the mart of every chosen module of `marts/`."""
    for module in iter_modules(marts.__path__):
        declared = import_module(f"{marts.__name__}.{module.name}")
        if is_chosen(declared):
            yield declared.MART
