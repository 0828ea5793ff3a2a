"""Invented issue bodies of a realistic size, as JSON strings; the same seed gives the same body."""

import json
from functools import lru_cache
from math import exp
from random import Random

WORDS = """
the parser writer cache session index batch value column token buffer request default option test build
release version fails hangs returns ignores expects reports loses keeps doubles after before while when with
empty large second first nested remote local stale concurrent é ß 日本 \U0001f41b
"""
CODE = "```\r\n$ tool --strict \\\r\n    \"in put\"\r\nTypeError: expected 'int', got <None>\t(3)\r\n```\r\n"
PARAGRAPH_COUNT = 256
SPREAD = 0.9
LIMIT_BYTES = 65_536


@lru_cache(maxsize=1)
def paragraphs() -> tuple[str, ...]:
    """Paragraphs with their JSON escapes already made, so that a body is a mere join."""
    rng = Random("bodies")
    made = [
        " ".join(rng.choices(WORDS.split(), k=rng.randrange(8, 60))) + ".\r\n\r\n"
        for _ in range(PARAGRAPH_COUNT)
    ]
    made[:: PARAGRAPH_COUNT // 16] = [CODE] * 16
    return tuple(json.dumps(text, ensure_ascii=False)[1:-1] for text in made)


def body_json(seed: int, mean_bytes: int) -> str:
    """A body as JSON text: null or empty now and then, else log-normal in size around the mean."""
    rng = Random(seed)
    draw = rng.random()
    if draw < 0.03:
        return "null" if draw < 0.02 else '""'
    wanted = min(LIMIT_BYTES, mean_bytes * exp(SPREAD * rng.gauss(0, 1) - SPREAD * SPREAD / 2))
    pool = paragraphs()
    parts, size, at = [], 0, rng.randrange(PARAGRAPH_COUNT)
    while size < wanted:
        part = pool[at % PARAGRAPH_COUNT]
        parts.append(part)
        size += len(part)
        at += 1
    return f'"{"".join(parts)}"'
