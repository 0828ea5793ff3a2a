"""How many examples the generated tests try: few by default, many in their `slow` twins.

A merge costs as much for fifty records as for one, so an example holds many issues; and nothing is shrunk,
since an assertion names the one issue that is wrong.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

LONG_COUNT = 60
LONG_TIMEOUT_SECONDS = 1200


def few(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
        phases=[Phase.reuse, Phase.generate],
    )


def many(test: Callable[..., Any]) -> Any:
    """The slow twin of a generated test."""
    return pytest.mark.slow(pytest.mark.timeout(LONG_TIMEOUT_SECONDS)(few(LONG_COUNT)(test)))
