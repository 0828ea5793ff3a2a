"""Whether some worker executes a run: a key of Redis that its process renews as long as it lives.

Celery tells it of no run whose worker was killed, nor once its results are gone. Only an image with the extra
`launchers` can import this module.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from redis import Redis, RedisError  # pyright: ignore[reportMissingImports]

from gitpulse_assets.processes.identity import this_process

# Four renewals may go wrong. With the 15 seconds between two looks a dead run is found in 45; the rest of the
# minute that is promised is a busy daemon's.
LEASE_SECONDS = 30
RENEWAL_SECONDS = 6
# Longer than a run may wait to be begun.
TAKEN_SECONDS = 86_400

# Both at once: of a lease without the other key it would never be known that its run was taken.
TAKE = """
if not redis.call('set', KEYS[1], ARGV[1], 'nx', 'ex', ARGV[2]) then return 0 end
redis.call('set', KEYS[2], ARGV[1], 'ex', ARGV[3])
return 1
"""
# Of a lease that lapsed and that another process took meanwhile, each says 0 and leaves it.
RENEW = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[2])
return 1
"""
GIVE_BACK = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1])
"""


def redis_at(url: str) -> Redis:
    """The Redis at an address, which is asked again rather than waited for."""
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def key_of(run_id: str) -> str:
    """The key of a run's lease."""
    return f"gitpulse/run/{run_id}"


def taken_key_of(run_id: str) -> str:
    """The key that says that a worker once took a run."""
    return f"gitpulse/taken/{run_id}"


@contextmanager
def held(redis: Redis, run_id: str) -> Iterator[bool]:
    """Hold a run's lease until the block ends; False where another worker has it.

    Of a block that ended without an error it is forgotten that the run was taken: it may be given out again.
    """
    if not taken(redis, run_id):
        yield False
        return
    ended = Event()
    renewals = Thread(target=renew, args=(redis, run_id, ended), daemon=True)
    renewals.start()
    try:
        yield True
        with suppress(RedisError):
            redis.delete(taken_key_of(run_id))
    finally:
        ended.set()
        renewals.join()
        with suppress(RedisError):
            redis.eval(GIVE_BACK, 1, key_of(run_id), this_process())


def taken(redis: Redis, run_id: str) -> bool:
    """Take a run's lease, if nobody has it; asked again while Redis is silent, since its message is spent."""
    keys = (key_of(run_id), taken_key_of(run_id))
    while True:
        with suppress(RedisError):
            return bool(redis.eval(TAKE, len(keys), *keys, this_process(), LEASE_SECONDS, TAKEN_SECONDS))
        time.sleep(RENEWAL_SECONDS)


def renew(redis: Redis, run_id: str, ended: Event) -> None:
    """Renew a lease until told to end; anew where Redis forgot it; left to who took it when it lapsed."""
    while not ended.wait(RENEWAL_SECONDS):
        with suppress(RedisError):
            redis.eval(RENEW, 1, key_of(run_id), this_process(), LEASE_SECONDS)


def is_lost(redis: Redis, run_id: str) -> bool:
    """Say whether a worker took a run and holds it no more."""
    try:
        return bool(redis.exists(taken_key_of(run_id))) and is_held(redis, run_id) is False
    except RedisError:
        return False


def is_held(redis: Redis, run_id: str) -> bool | None:
    """Say whether a worker holds a run's lease; None where Redis is silent, or younger than a lease."""
    try:
        if redis.exists(key_of(run_id)):
            return True
        is_young = redis.info("server")["uptime_in_seconds"] < LEASE_SECONDS
    except RedisError:
        return None
    return None if is_young else False
