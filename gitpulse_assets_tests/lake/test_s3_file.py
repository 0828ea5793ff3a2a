"""How often a body that breaks off is asked for, whatever time it took to break off."""

import time
from types import SimpleNamespace

import pytest
from botocore.exceptions import ResponseStreamingError

from gitpulse_assets.lake.errors import LakeError
from gitpulse_assets.lake.s3_file import BODY_ATTEMPTS, read_object


class ClientError(Exception):
    pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A monotonic clock that a test moves, and waits that take no time."""
    real, moved = time.monotonic, SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: real() + moved.seconds)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return moved


def client_whose_body_breaks_off(clock: SimpleNamespace, after_seconds: float, times: int) -> SimpleNamespace:
    asked: list[int] = []

    def read() -> bytes:
        clock.seconds += after_seconds
        if len(asked) <= times:
            raise ResponseStreamingError(error="broke off")
        return b"whole"

    def get_object(**name: str) -> dict[str, SimpleNamespace]:
        asked.append(1)
        return {"Body": SimpleNamespace(read=read)}

    errors = SimpleNamespace(ClientError=ClientError)
    return SimpleNamespace(get_object=get_object, asked=asked, exceptions=errors)


@pytest.mark.parametrize("after_seconds", [0, 46, 600])
def test_a_body_that_breaks_off_late_is_asked_for_as_often_as_one_that_does_at_once(clock, after_seconds):
    client = client_whose_body_breaks_off(clock, after_seconds, times=BODY_ATTEMPTS - 1)
    body, _ = read_object(client, {"Bucket": "b", "Key": "k"}, None)
    assert (body, len(client.asked)) == (b"whole", BODY_ATTEMPTS)


def test_it_is_given_up_after_these(clock):
    client = client_whose_body_breaks_off(clock, 46, times=99)
    with pytest.raises(LakeError, match="s3://b/k"):
        read_object(client, {"Bucket": "b", "Key": "k"}, None)
    assert len(client.asked) == BODY_ATTEMPTS
