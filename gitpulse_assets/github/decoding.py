"""Reading the few fields the client itself needs out of an answer's JSON."""

from typing import TypeVar

import msgspec

from gitpulse_assets.github.errors import AnswerUnusable

T = TypeVar("T")


def decode(content: bytes, kind: type[T], where: str) -> T:
    """`content` as `kind`; keys that `kind` does not know are ignored.

    Raises AnswerUnusable, naming `where` it came from, for JSON of another form.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        problem = str(error)
    # Outside the handler, so that the chain holds nothing of the answer.
    raise AnswerUnusable(f"{where} answered in an unexpected form ({problem}); check GITHUB_API_URL")
