"""The partitionings: by repository and by organisation, in lower case, and of events by UTC day."""

import dagster as dg

REPOS_PARTITIONS = "repos"

ORGANIZATIONS_PARTITIONS = "organizations"

repos = dg.DynamicPartitionsDefinition(name=REPOS_PARTITIONS)
organizations = dg.DynamicPartitionsDefinition(name=ORGANIZATIONS_PARTITIONS)
# By day: the hours since 2015 are more keys than Dagster bears. Today is one too: polls bring its events.
event_days = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC", end_offset=1)


def partitions_of(place: str) -> dg.PartitionsDefinition:
    """The partitioning of tables by the kind of their place."""
    return {"day": event_days, "organization": organizations}.get(place, repos)


def register(instance: dg.DagsterInstance, key: str, name: str = REPOS_PARTITIONS) -> None:
    """Make the key of a dynamic partitioning known to Dagster; nothing happens when it is already."""
    if not instance.has_dynamic_partition(name, key):
        instance.add_dynamic_partitions(name, [key])
