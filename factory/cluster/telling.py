"""A cluster in words, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.cluster.found import Found
from factory.cluster.local import RayNode
from factory.cluster.ports import LOOPBACK
from factory.cluster.sizes import shown

_BYTES = ("memory", "object_store_memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A cluster, and what its head says of the nodes; nothing where it does not answer."""

    there: Found
    nodes: Sequence[RayNode]

    def text(self) -> str:
        """For people."""
        there, spec = self.there, self.there.spec
        lines = [f"cluster {there.name}: {self._health()}"]
        for place in there.places:
            known = self._known(place.address)
            lines.append(
                f"  {place.node:<11} {place.state:<18} {place.address:<15} "
                f"{_resources(known) if known else ''}".rstrip()
            )
        if spec and there.head:
            lines += [f"  {name:<11} {url}" for name, url in self._urls().items()]
            lines.append(f"  {'token':<11} {there.token}")
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """For programs."""
        there, spec = self.there, self.there.spec
        return {
            "name": there.name,
            "healthy": self.healthy,
            "head": spec.head if spec else None,
            "worker": spec.worker if spec else None,
            "dashboard": self._urls().get("dashboard") if there.head else None,
            "prometheus": self._urls().get("prometheus"),
            "grafana": self._urls().get("grafana"),
            "token": there.token or None,
            "nodes": [
                {
                    "name": place.node,
                    "container": place.container,
                    "state": place.state,
                    "address": place.address or None,
                    "image": place.image,
                    "joined": bool(known := self._known(place.address)),
                    "resources": dict(known.resources) if known else {},
                }
                for place in there.places
            ],
        }

    @property
    def healthy(self) -> bool:
        """Whether all nodes that are there have joined, and something is there."""
        ray = [place for place in self.there.places if place.is_ray]
        return bool(ray) and all(
            place.running and self._known(place.address)
            for place in self.there.places
            if place.is_ray
        )

    def _health(self) -> str:
        ray = [place for place in self.there.places if place.is_ray]
        if self.healthy:
            workers = len(ray) - 1
            return f"a head and {workers} worker{'' if workers == 1 else 's'}, all up"
        if not ray:
            return "nothing is left of it but a network"
        joined = sum(bool(self._known(place.address)) for place in ray)
        return (
            f"{joined} of {len(ray)} nodes are in it;"
            f" `invoke cluster.down --name {self.there.name}` takes it down"
        )

    def _known(self, address: str) -> RayNode | None:
        return next((one for one in self.nodes if one.alive and one.address == address), None)

    def _urls(self) -> Mapping[str, str]:
        spec = self.there.spec
        if spec is None:
            return {}
        there = {place.node for place in self.there.places if place.running}
        names = {"dashboard": "head", "prometheus": "prometheus", "grafana": "grafana"}
        return {
            name: f"http://{LOOPBACK}:{spec.ports[name]}"
            for name, node in names.items()
            if node in there
        }


def _resources(node: RayNode) -> str:
    parts = []
    for name, amount in sorted(node.resources.items()):
        if name in _BYTES:
            parts.append(f"{shown(int(amount))} {name.replace('_', ' ')}")
        elif not name.startswith("accelerator"):
            parts.append(f"{amount:g} {name}")
    return ", ".join(parts)
