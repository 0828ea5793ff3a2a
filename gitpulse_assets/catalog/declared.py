"""Collects what `marts/` and subjects declare. What is made of the declarations stands in `tables.py`."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from gitpulse_assets import marts, streams
from gitpulse_assets.chosen import is_chosen
from gitpulse_assets.contracts.mart import Mart
from gitpulse_assets.contracts.model import TableContract


def declared_marts() -> Iterator[Mart]:
    """Yield the mart of every chosen module of `marts/`."""
    yield from (module.MART for module in modules_of(marts) if is_chosen(module))


def tables_of(subject: str) -> Iterator[TableContract]:
    """Yield the tables that a subject adds, chosen or not: what is received and merged of it, its marts."""
    declaring = [module for module in modules_of(streams) if getattr(module, "SUBJECT", None) == subject]
    for module in declaring:
        yield from (stream.bronze for stream in module.STREAMS)
    for module in declaring:
        yield from (merged.contract for entity in module.ENTITIES for merged in entity.tables)
    yield from (mart.contract for mart in marts_of(subject))


def marts_of(subject: str) -> Iterator[Mart]:
    """Yield the marts that a subject adds, chosen or not."""
    for module in modules_of(marts):
        if getattr(module, "SUBJECT", None) == subject:
            yield module.MART


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """Yield the modules of a package by name."""
    for module in iter_modules(package.__path__):
        yield import_module(f"{package.__name__}.{module.name}")
