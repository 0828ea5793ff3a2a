"""The one partitioning of the project: a partition is a repository, its key `owner/name` in lower case."""

import dagster as dg

REPOS_PARTITIONS = "repos"

repos = dg.DynamicPartitionsDefinition(name=REPOS_PARTITIONS)


def register(instance: dg.DagsterInstance, key: str) -> None:
    """Make the key known to Dagster; nothing happens when it is already."""
    if not instance.has_dynamic_partition(REPOS_PARTITIONS, key):
        instance.add_dynamic_partitions(REPOS_PARTITIONS, [key])
