"""What Dagster 1.13 does where this project leans on it, one test a decision.

A failure here means that Dagster changed, not that GitPulse broke: read the decision named in the test,
then change both.
"""

import warnings
from collections.abc import Iterator

import dagster as dg
import pytest

from gitpulse_assets.runs.launch import repository_origin

repos = dg.DynamicPartitionsDefinition(name="repos")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        ephemeral.add_dynamic_partitions("repos", ["a/b", "c/d"])
        yield ephemeral


def check_spec(**options: object) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec("rule", asset="first", partitions_def=repos, **options)  # pyright: ignore[reportArgumentType]


class Recorder(dg.IOManager):
    """Counts what is handed to it."""

    def __init__(self) -> None:
        self.stored: list[str] = []

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        self.stored.append(context.asset_key.to_user_string())

    def load_input(self, context: dg.InputContext) -> object:
        raise AssertionError("no step here has an input")


def two_tables(*, fails_before_outputs: bool) -> dg.AssetsDefinition:
    outs = {name: dg.AssetOut(io_manager_key="recorder") for name in ("first", "second")}

    @dg.multi_asset(name="both", outs=outs, check_specs=[check_spec(blocking=True)], partitions_def=repos)
    def both():
        yield dg.AssetCheckResult(passed=False, asset_key="first", check_name="rule")
        if fails_before_outputs:
            raise dg.Failure("refused", allow_retries=False)
        yield dg.Output(1, "first")
        yield dg.Output(2, "second")

    return both


@pytest.mark.parametrize(("fails_before_outputs", "stored"), [(False, ["first", "second"]), (True, [])])
def test_audit_then_publish(instance: dg.DagsterInstance, fails_before_outputs: bool, stored: list[str]):
    """A failed blocking check alone stores every output of its step, so we raise before the first one."""
    recorder = Recorder()
    result = dg.materialize(
        [two_tables(fails_before_outputs=fails_before_outputs)],
        instance=instance,
        partition_key="a/b",
        resources={"recorder": recorder},
        raise_on_error=False,
    )
    assert not result.success
    assert recorder.stored == stored
    assert [check.passed for check in result.get_asset_check_evaluations()] == [False]


def test_partitioned_checks_keep_a_verdict_a_repository(instance: dg.DagsterInstance):
    """`partitions_def` on a check spec is a preview feature; without it one timeline is shared by all."""

    @dg.asset(partitions_def=repos, check_specs=[check_spec()])
    def first(context: dg.AssetExecutionContext):
        yield dg.AssetCheckResult(passed=context.partition_key == "a/b", check_name="rule")
        yield dg.Output(1)

    evaluations = {
        key: dg.materialize([first], instance=instance, partition_key=key).get_asset_check_evaluations()[0]
        for key in ("a/b", "c/d")
    }
    assert {key: (found.partition, found.passed) for key, found in evaluations.items()} == {
        "a/b": ("a/b", True),
        "c/d": ("c/d", False),
    }


def test_preview_warning_is_all_a_partitioned_check_costs():
    with pytest.warns(dg.PreviewWarning):
        dg.AssetCheckSpec("rule", asset="first", partitions_def=repos)


def test_a_failed_non_blocking_check_leaves_the_run_successful(instance: dg.DagsterInstance):
    """So alerts read check evaluations and not run failures alone."""

    @dg.asset(partitions_def=repos, check_specs=[check_spec()])
    def first():
        yield dg.Output(1)
        yield dg.AssetCheckResult(passed=False, check_name="rule")

    assert dg.materialize([first], instance=instance, partition_key="a/b").success


def test_an_unregistered_partition_is_refused(instance: dg.DagsterInstance):
    """So a refresh registers its key before it launches the run."""

    @dg.asset(partitions_def=repos)
    def first(): ...

    with pytest.raises(dg.DagsterUnknownPartitionError):
        dg.materialize([first], instance=instance, partition_key="e/f")


def test_a_job_origin_names_the_location_of_the_workspace():
    """Without an origin the UI shows a run but cannot execute it again; its parts are not public API."""
    origin = repository_origin().get_job_origin("refresh")
    assert (origin.location_name, origin.job_name) == ("gitpulse", "refresh")


def test_a_retry_policy_takes_an_interrupted_step_up_again(instance: dg.DagsterInstance):
    """So bronze turns an interruption into a failure that is not retried; else Ctrl-C would not end a run."""
    attempts: list[int] = []

    @dg.asset(partitions_def=repos, retry_policy=dg.RetryPolicy(max_retries=1))
    def first():
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt

    assert dg.materialize([first], instance=instance, partition_key="a/b").success
    assert len(attempts) == 2
