"""What a run finds out about its own walks: GitHub's counts beside ours, and what full walks repaired.

Behind the issues, whose tables before and after the merge are compared.
"""

from gitpulse_assets.contracts.bronze import CONTROL_TOTAL as COUNTED
from gitpulse_assets.contracts.bronze import RECONCILIATION as ENDED
from gitpulse_assets.contracts.silver import CONTROL_TOTAL, RECONCILIATION
from gitpulse_assets.contracts.sources import OwnRecord
from gitpulse_assets.contracts.stream import Entity, Merged, Stream

CONTROL_TOTAL_STREAM = Stream(COUNTED, OwnRecord())
RECONCILIATION_STREAM = Stream(ENDED, OwnRecord())

STREAMS = (CONTROL_TOTAL_STREAM, RECONCILIATION_STREAM)

ENTITIES = (
    Entity("control_total", (CONTROL_TOTAL_STREAM,), tables=(Merged(CONTROL_TOTAL),)),
    Entity(
        "reconciliation",
        (RECONCILIATION_STREAM,),
        tables=(Merged(RECONCILIATION, before=("repair",)),),
    ),
)
