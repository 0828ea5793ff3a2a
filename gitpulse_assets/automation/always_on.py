"""How a sensor is made that is on from the start, since it asks GitHub nothing."""

from functools import partial

import dagster as dg

always_on = partial(dg.sensor, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
