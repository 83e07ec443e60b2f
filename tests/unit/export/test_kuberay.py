"""Manifests for KubeRay are valid by its own definitions, which drop what they do not know."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from factory.export import Kube, Launch, kuberay_files
from factory.export.probe import probe
from tests.conftest import ROOT
from tests.unit.export.launches import launch

DEFINITIONS = Path(os.environ.get("KUBERAY_CRDS") or ROOT.parent / "shared/data/kuberay-crds")
KINDS = ["raycluster", "rayjob", "rayservice"]
KUBE = Kube(entrypoint="python main.py", serve="main:app", pull_secrets=("mine",), namespace="ml")

defined = pytest.mark.skipif(
    not DEFINITIONS.is_dir(), reason="KUBERAY_CRDS names no folder with KubeRay's definitions"
)


def files(launched: Launch | None = None) -> dict[str, Any]:
    """Kind, in small letters, to its manifest."""
    written = kuberay_files(launched or launch("gpu"), KUBE)
    return {name.removesuffix(".yaml"): yaml.safe_load(text) for name, text in written.items()}


@lru_cache
def schema(kind: str) -> dict[str, Any]:
    """The definition of a kind, as a JSON Schema that also refuses unknown fields."""
    text = (DEFINITIONS / f"ray.io_{kind}s.yaml").read_text("utf-8")
    definition = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1"]
    found = strict(version["schema"]["openAPIV3Schema"])
    assert isinstance(found, dict)
    found["properties"]["metadata"] = {"type": "object"}
    return found


def strict(node: Any) -> Any:
    """OpenAPI's dialect of Kubernetes as JSON Schema: objects take no other field than theirs."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: strict(value) for key, value in node.items() if key != "format"}
    if node.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
        found.pop("anyOf", None)
    free = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
    if node.get("type") == "object" and isinstance(node.get("properties"), dict) and not free:
        found["additionalProperties"] = False
    return found


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    spec = manifest["spec"]
    cluster = spec.get("rayClusterSpec") or spec.get("rayClusterConfig") or spec
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [one for group in groups for one in group["template"]["spec"]["containers"]]


@defined
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("head", "ray"), [("gpu", "2.60.0"), ("cpu", "2.45.0")])
def test_a_manifest_is_valid(kind: str, head: str, ray: str) -> None:
    jsonschema.validate(files(launch(head, ray=ray))[kind], schema(kind))


@defined
@pytest.mark.parametrize("kind", KINDS)
def test_the_check_refuses_a_field_that_kuberay_would_drop(kind: str) -> None:
    manifest = files()[kind]
    containers(manifest)[0]["imagePullSecret"] = "mine"
    with pytest.raises(jsonschema.ValidationError, match="imagePullSecret"):
        jsonschema.validate(manifest, schema(kind))


@defined
def test_the_check_refuses_a_value_of_another_type() -> None:
    manifest = files()["raycluster"]
    manifest["spec"]["workerGroupSpecs"][0]["replicas"] = "two"
    with pytest.raises(jsonschema.ValidationError, match="two"):
        jsonschema.validate(manifest, schema("raycluster"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_pod_has_an_image_by_digest_limits_and_probes(kind: str) -> None:
    for one in containers(files()[kind]):
        assert "@sha256:" in one["image"]
        assert one["resources"]["limits"]["memory"] == "8Gi"
        assert one["startupProbe"]["exec"]["command"][:2] == ["bash", "-c"]
        assert "livenessProbe" in one
    head, worker = containers(files()[kind])
    assert head["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in worker["resources"]["limits"]
    assert ("readinessProbe" in worker) is (kind != "rayservice")


def test_only_pods_for_gpus_tolerate_their_taint() -> None:
    spec = files()["raycluster"]["spec"]
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    head, worker = (pod["template"]["spec"] for pod in pods)
    assert head["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "tolerations" not in worker
    assert head["imagePullSecrets"] == worker["imagePullSecrets"] == [{"name": "mine"}]


def test_tokens_are_asked_for_only_of_a_ray_that_knows_them() -> None:
    assert files()["raycluster"]["spec"]["authOptions"] == {"mode": "token"}
    assert "authOptions" not in files(launch(ray="2.45.0"))["raycluster"]["spec"]
    assert "knows no tokens" in kuberay_files(launch(ray="2.45.0"), KUBE)["raycluster.yaml"]


def test_the_job_and_the_service_run_what_was_said() -> None:
    job, service = files()["rayjob"], files()["rayservice"]
    assert job["spec"]["entrypoint"] == "python main.py"
    served = yaml.safe_load(service["spec"]["serveConfigV2"])
    assert served["applications"][0]["import_path"] == "main:app"
    assert job["metadata"] == service["metadata"] == {"name": "my-ray", "namespace": "ml"}


def test_a_head_is_asked_for_its_store_too() -> None:
    assert probe(gcs=True)[-2:] == ["8265/api/gcs_healthz", "52365/api/local_raylet_healthz"]
    assert probe(gcs=False)[-1:] == ["52365/api/local_raylet_healthz"]
