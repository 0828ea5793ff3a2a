"""Hour files as an archive serves them: every public event of the stand-in, in the file of its hour.

An archive is not GitHub: it costs no quota and wants no token.
"""

import gzip
from collections.abc import Collection
from datetime import datetime

from gitpulse_assets.lake.hour_name import hour_of
from gitpulse_assets.sandbox.feeds import follow
from gitpulse_assets.sandbox.messages import Request, Response, not_found
from gitpulse_assets.sandbox.world import World

ARCHIVE_PREFIX = "/hours/"
HOUR_SECONDS = 3600


def hour_file(world: World, lost: Collection[datetime], request: Request) -> Response:
    """The file of an hour that is over and of those `lost` none; else 404."""
    hour_at = hour_of(request.path.removeprefix(ARCHIVE_PREFIX))
    if hour_at is None or hour_at in lost or hour_at.timestamp() + HOUR_SECONDS > world.clock:
        return not_found()
    follow(world.feeds.values())
    begin = int(hour_at.timestamp())
    bodies = [
        event.body
        for feed in world.feeds.values()
        for event in feed.events
        if begin <= event.created_at < begin + HOUR_SECONDS
    ]
    packed = gzip.compress(b"".join(body + b"\n" for body in bodies))
    return Response(200, packed, content_type="application/gzip", is_free=True)
