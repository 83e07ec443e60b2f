"""RayCluster, RayJob and RayService for KubeRay.

https://docs.ray.io/en/latest/cluster/kubernetes/references/api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factory.export.launch import Launch, Pinned, heading, written
from factory.export.probe import probe

_API = "ray.io/v1"
_GPU = "nvidia.com/gpu"
_KEPT_SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Kube:
    """What there is to choose for Kubernetes.

    Attributes:
        namespace: where it is applied; empty is that of whoever applies it.
        pull_secrets: names of the secrets by which nodes pull.
        entrypoint: what RayJob runs.
        serve: what RayService serves, as ``module:application``.
    """

    entrypoint: str
    serve: str
    namespace: str = ""
    pull_secrets: tuple[str, ...] = ()


def kuberay_files(launch: Launch, kube: Kube) -> dict[str, str]:
    """File name to text, one of each kind."""
    cluster = _cluster(launch, kube)
    job = {
        "entrypoint": kube.entrypoint,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": _KEPT_SECONDS,
        "rayClusterSpec": cluster,
    }
    application = {"name": launch.name, "import_path": kube.serve, "route_prefix": "/"}
    service = {
        "serveConfigV2": written([], {"applications": [application]}).lstrip("\n"),
        "rayClusterConfig": _cluster(launch, kube, serves=True),
    }
    kinds = {"RayCluster": cluster, "RayJob": job, "RayService": service}
    return {f"{kind.lower()}.yaml": _file(launch, kube, kind, kinds[kind]) for kind in kinds}


def _file(launch: Launch, kube: Kube, kind: str, spec: Mapping[str, Any]) -> str:
    space = {"namespace": kube.namespace} if kube.namespace else {}
    head = heading(launch, f"A {kind} for KubeRay 1.5.1 or newer: kubectl apply -f FILE")
    if not launch.tokens:
        head += [f"Ray {launch.head.cell.ray} knows no tokens: let nobody else reach its pods.", ""]
    metadata = {"name": launch.name, **space}
    return written(head, {"apiVersion": _API, "kind": kind, "metadata": metadata, "spec": spec})


def _cluster(launch: Launch, kube: Kube, *, serves: bool = False) -> dict[str, Any]:
    return {
        "rayVersion": launch.head.cell.ray,
        **({"authOptions": {"mode": "token"}} if launch.tokens else {}),
        "headGroupSpec": {
            "rayStartParams": {"dashboard-host": "0.0.0.0"},  # noqa: S104  # of its pod, whose service leads to it
            "template": _pod(launch, kube, launch.head, head=True, serves=serves),
        },
        "workerGroupSpecs": [
            {
                "groupName": launch.worker_name(one),
                "replicas": launch.count,
                "minReplicas": launch.count,
                "maxReplicas": launch.count,
                "rayStartParams": {},
                "template": _pod(launch, kube, one, head=False, serves=serves),
            }
            for one in launch.workers
        ],
    }


def _pod(launch: Launch, kube: Kube, image: Pinned, *, head: bool, serves: bool) -> dict[str, Any]:
    tolerations = [{"key": _GPU, "operator": "Exists", "effect": "NoSchedule"}]
    secrets = [{"name": name} for name in kube.pull_secrets]
    return {
        "spec": {
            **({"imagePullSecrets": secrets} if secrets else {}),
            **({"tolerations": tolerations} if image.gpu else {}),
            "containers": [_container(launch, image, head=head, serves=serves)],
        }
    }


def _container(launch: Launch, image: Pinned, *, head: bool, serves: bool) -> dict[str, Any]:
    ports = {"gcs-server": 6379, "dashboard": 8265, "client": 10001} if head else {}
    if serves:
        ports |= {"serve": 8000}
    limits: dict[str, Any] = {"cpu": launch.cpus, "memory": f"{launch.memory}Gi"}
    return {
        "name": "ray-head" if head else "ray-worker",
        "image": image.ref,
        "imagePullPolicy": "IfNotPresent",
        **({"ports": [_port(name, port) for name, port in ports.items()]} if ports else {}),
        "resources": {
            "requests": dict(limits),
            "limits": limits | ({_GPU: 1} if image.gpu else {}),
        },
        **_probes(head=head, serves=serves),
    }


def _port(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "containerPort": port}


def _probes(*, head: bool, serves: bool) -> dict[str, Any]:
    """Kubernetes waits with the others until the first has passed. Whether a worker of a service
    may be sent requests depends on what it serves: KubeRay's own readiness probe asks for that."""
    asks = {"exec": {"command": probe(gcs=head)}, "timeoutSeconds": 10}
    found = {
        "startupProbe": {**asks, "periodSeconds": 2, "failureThreshold": 90},
        "livenessProbe": {**asks, "periodSeconds": 10, "failureThreshold": 12},
    }
    if not serves or head:
        found["readinessProbe"] = {**asks, "periodSeconds": 5, "failureThreshold": 3}
    return found
