"""The repository itself, by the one answer that every run begins with."""

from gitpulse_assets.contracts.bronze import REPOSITORY as RECEIVED
from gitpulse_assets.contracts.silver import REPOSITORY
from gitpulse_assets.contracts.sources import OneAnswer
from gitpulse_assets.contracts.stream import Entity, Judged, Merged, Stream

REPOSITORY_STREAM = Stream(RECEIVED, OneAnswer(""), noun="repository")

STREAMS = (REPOSITORY_STREAM,)

ENTITIES = (
    Entity(
        "repository",
        STREAMS,
        steps=("repository_record",),
        judged=(Judged(REPOSITORY_STREAM, "repository_record"),),
        tables=(Merged(REPOSITORY),),
        needed="needed_answer",
        # A repository that people star or push to has another record at every look.
        news="repository_news",
    ),
)
