"""The partitionings: by repository, its key `owner/name` in lower case, and of public events by UTC day."""

import dagster as dg

REPOS_PARTITIONS = "repos"

repos = dg.DynamicPartitionsDefinition(name=REPOS_PARTITIONS)
# By day: the hours since 2015 are more keys than Dagster bears. Today is one too: polls bring its events.
event_days = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC", end_offset=1)


def partitions_of(place: str) -> dg.PartitionsDefinition:
    """The partitioning of tables whose place is a repository or a day."""
    return event_days if place == "day" else repos


def register(instance: dg.DagsterInstance, key: str) -> None:
    """Make the key known to Dagster; nothing happens when it is already."""
    if not instance.has_dynamic_partition(REPOS_PARTITIONS, key):
        instance.add_dynamic_partitions(REPOS_PARTITIONS, [key])
