"""What deploy/kubernetes promises: valid for three releases, compose's settings, no secret, no rights."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, utils, validate

from gitpulse_assets_tests.deployment.compose import VARIABLE, interpolated

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
# Each is told twice: there are strict schemas of it, too.
RELEASES = list(dict.fromkeys(utils.all_versions()))[-3:]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
INSTANCE = yaml.safe_load((FOLDER / "instance" / "dagster.yaml").read_text(encoding="utf-8"))
PRODUCTION = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
OBJECTS = [
    document for path in sorted(FOLDER.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())
]
SERVICES = ("code", "daemon", "webserver", "readonly", "page", "proxy")
# Not the same: the instance's folder, S3 (none is bundled), and what only a Job needs.
OWN_VALUES = {"DAGSTER_HOME", "AWS_ENDPOINT_URL"}
ONLY_HERE = {"DAGSTER_CURRENT_IMAGE"}
# What Compose needs for its workers.
ONLY_THERE = {"GITPULSE_BROKER_URL"}


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in OBJECTS if found["kind"] == kind}


PODS = {name: found["spec"]["template"]["spec"] for name, found in named("Deployment").items()}
RUN = INSTANCE["run_launcher"]["config"]
RUN_POD = RUN["run_k8s_config"]["pod_spec_config"]
RUN_CONTAINER = RUN["run_k8s_config"]["container_config"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def main_container(name: str) -> dict[str, Any]:
    return PODS[name]["containers"][0]


def maps_of(container: dict[str, Any]) -> list[str]:
    return [source["configMapRef"]["name"] for source in container["envFrom"]]


def settings_of(name: str) -> dict[str, Any]:
    """A container's variables: values, or how a secret is referred to."""
    given = {
        key: value
        for each in maps_of(main_container(name))
        for key, value in named("ConfigMap")[each]["data"].items()
    }
    own = {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in main_container(name)["env"]}
    return given | own


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_one_of_this_release(release: str, monkeypatch: pytest.MonkeyPatch):
    # Else a megabyte is parsed for each object.
    monkeypatch.setattr(utils, "schema_contents", cache(utils.schema_contents))
    for found in OBJECTS:
        validate(found, release, strict=True)


def test_a_misspelt_field_is_found():
    damaged = named("Deployment")["page"] | {"spec": {**named("Deployment")["page"]["spec"], "replica": 2}}
    with pytest.raises(ValidationError):
        validate(damaged, RELEASES[0], strict=True)


def test_three_releases_are_tried():
    assert len(set(RELEASES)) == 3


def test_every_service_of_compose_that_is_ours_is_here():
    bundled = {"postgres", "s3", "reader", "metabase", "redis", "worker"}
    inits = {each["name"] for each in PODS["code"]["initContainers"]}
    assert set(COMPOSE) - bundled == set(PODS) | inits
    assert set(PODS) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_the_settings_are_those_of_compose(name: str):
    here, there = settings_of(name), COMPOSE[name]["environment"]
    commented = set(re.findall(r"^  # (\w+): ", (FOLDER / "settings.yaml").read_text(), re.MULTILINE))
    unset = {key for key, value in there.items() if value is None}
    assert unset <= commented
    assert set(here) - ONLY_HERE == set(there) - unset - ONLY_THERE


@pytest.mark.parametrize("name", SERVICES)
def test_a_setting_s_default_is_that_of_compose_and_a_required_one_is_a_secret_s(name: str):
    here = settings_of(name)
    for key, value in COMPOSE[name]["environment"].items():
        if value is None or key in OWN_VALUES | ONLY_THERE:
            continue
        required = {match["name"] for match in VARIABLE.finditer(value) if match["how"] == ":?"}
        if isinstance(here[key], dict):
            reference = here[key]["secretKeyRef"]
            (told,) = required or {key}
            assert (reference["name"], reference["key"]) == ("gitpulse", told)
            assert reference.get("optional", False) == (not required)
        else:
            assert not required
            assert here[key] == interpolated(value, {})


@pytest.mark.parametrize("name", SERVICES)
def test_the_command_is_that_of_compose(name: str):
    assert main_container(name)["args"] == COMPOSE[name]["command"]


@pytest.mark.parametrize("name", ["bucket", "migrate"])
def test_what_runs_before_the_code_location_is_that_of_compose(name: str):
    (found,) = [each for each in PODS["code"]["initContainers"] if each["name"] == name]
    assert found["args"] == COMPOSE[name]["command"]


def test_no_secret_stands_in_the_files():
    assert not named("Secret")
    values = {key for each in named("ConfigMap").values() for key, value in each["data"].items() if value}
    assert not {
        key
        for key in values
        if re.search("PASSWORD|SECRET|TOKEN|HASH|ACCESS_KEY|PRIVATE_KEY|ALERT_URLS", key)
    }


def test_github_s_and_the_channels_secrets_are_the_code_location_s_and_the_runs():
    for name in SERVICES:
        held = {key for key in settings_of(name) if key.startswith("GITHUB") or "ALERT" in key}
        assert not held or name == "code"


@pytest.mark.parametrize("pod", [*PODS.values(), RUN_POD], ids=[*PODS, "run"])
def test_no_pod_is_root_or_knows_what_it_need_not(pod: dict[str, Any]):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["enableServiceLinks"] is False
    is_launching = pod.get("serviceAccountName") in {"launcher", "readonly"}
    assert pod["automountServiceAccountToken"] is is_launching


@pytest.mark.parametrize(
    "container",
    [*(each for pod in PODS.values() for each in containers(pod)), RUN_CONTAINER],
    ids=lambda each: each.get("name", "run"),
)
def test_every_container_is_read_only_bounded_and_without_rights(container: dict[str, Any]):
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"]["drop"] == ["ALL"]
    assert security["capabilities"].get("add", []) == (
        ["NET_BIND_SERVICE"] if container.get("name") == "proxy" else []
    )
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched(name: str):
    assert main_container(name)["livenessProbe"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_volume_is_bounded_or_given(name: str):
    for volume in PODS[name].get("volumes", []):
        assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


def test_a_run_has_what_the_code_location_has():
    code = main_container("code")
    assert RUN["env_config_maps"] == maps_of(code)
    assert RUN_CONTAINER["env"] == [entry for entry in code["env"] if entry["name"] not in ONLY_HERE]
    for key in ("volumeMounts", "securityContext"):
        assert RUN_CONTAINER[key] == code[key]
    for key in (
        "volumes",
        "securityContext",
        "automountServiceAccountToken",
        "terminationGracePeriodSeconds",
    ):
        assert RUN_POD[key] == PODS["code"][key]
    assert RUN["dagster_home"] == settings_of("code")["DAGSTER_HOME"]


def test_a_run_is_of_the_code_location_s_image():
    images = {each["image"] for name in SERVICES if name != "proxy" for each in containers(PODS[name])}
    assert images == {settings_of("code")["DAGSTER_CURRENT_IMAGE"]}
    assert main_container("proxy")["image"] == COMPOSE["proxy"]["image"]


def test_the_instance_is_that_of_production_but_for_who_starts_a_run():
    assert INSTANCE | {"run_launcher": None} == PRODUCTION | {"run_launcher": None}


def test_the_workers_instance_is_that_of_production_but_for_who_starts_a_run_and_the_wait_for_one():
    instance = yaml.safe_load((ROOT / "deploy" / "workers" / "dagster.yaml").read_text(encoding="utf-8"))
    wait = {"start_timeout_seconds": instance["run_monitoring"]["start_timeout_seconds"]}
    told = PRODUCTION | {"run_monitoring": PRODUCTION["run_monitoring"] | wait}
    assert instance | {"run_launcher": None} == told | {"run_launcher": None}


def test_every_account_is_there():
    used = {pod["serviceAccountName"] for pod in PODS.values() if "serviceAccountName" in pod}
    assert used | {RUN["service_account_name"]} == set(named("ServiceAccount"))
    assert [subject["name"] for subject in named("RoleBinding")["launcher"]["subjects"]] == ["launcher"]


def test_nobody_is_reached_but_by_whom_compose_lets():
    """Compose publishes the proxy alone; here a pod of another namespace could reach all."""
    policies = {name: found["spec"] for name, found in named("NetworkPolicy").items()}
    assert policies.pop("nobody") == {"podSelector": {}, "policyTypes": ["Ingress"]}
    doors = {name: [port["port"] for port in spec["ingress"][0]["ports"]] for name, spec in policies.items()}
    assert doors == {"code": [4000], "webservers": [3000], "page": [8000], "proxy": [8080, 8081, 8443]}
    assert [name for name, spec in policies.items() if "from" not in spec["ingress"][0]] == ["proxy"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_where_it_is_looked_for(name: str):
    if name == "daemon":
        assert name not in named("Service")
        return
    open_ports = [port["containerPort"] for port in main_container(name)["ports"]]
    assert [port["port"] for port in named("Service")[name]["spec"]["ports"]] == open_ports
    assert named("Service")[name]["spec"]["selector"] == {"app": name}
