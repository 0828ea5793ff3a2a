"""Which columns of a table the marts' statements and their checks may read: they are copied, and no other."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from gitpulse_assets.catalog.tables import MARTS
from gitpulse_assets.contracts.model import TableContract

WORD = re.compile(r"\w+")
COMMENT = re.compile(r"--.*")


def columns_read(contract: TableContract) -> list[str]:
    """The columns that a statement which names the table names too; none where no statement does.

    A column is reached by its name, or by `*` in a mart whose contract has its name.
    """
    words = [found for found in words_by_statement() if contract.name in found]
    named = {*contract.key, *(word for found in words for word in found)} if words else set[str]()
    return [name for name in contract.column_names if name in named]


@cache
def words_by_statement() -> list[frozenset[str]]:
    """Each statement's words, without comments, a mart's with its columns."""
    made = {source: mart.contract.column_names for mart in MARTS for source in mart.sources}
    return [
        frozenset((*WORD.findall(COMMENT.sub("", text)), *made.get(name, ()))) for name, text in statements()
    ]


def statements() -> Iterator[tuple[str, str]]:
    """The statements that marts are made and checked by, by name.

    Not those of marts of ranges, which read the objects of their ranges themselves.
    """
    marts = {mart.name for mart in MARTS if not mart.contract.is_ranged}
    checks = {name for mart in MARTS for check in mart.checks for name in (check.name, check.beside)}
    for folder in ("gold", "checks"):
        for file in files("gitpulse_assets").joinpath("sql", folder).iterdir():
            name = file.name.removesuffix(".sql")
            if name in (checks if folder == "checks" else marts) or is_helper(folder, name):
                yield name, file.read_text("utf-8")


def is_helper(folder: str, name: str) -> bool:
    """Whether a statement is none of a mart's, but makes what marts read."""
    return folder == "gold" and not name.startswith("mart_")
