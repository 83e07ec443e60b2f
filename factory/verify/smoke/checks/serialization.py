"""Whether what people send between nodes arrives, and all nodes have the same of what packs it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import ray

from ..inventory import NONE, packing
from ..protocol import Expected
from .cluster import alive, expect, on_each, on_node


def serialization(_: Expected) -> None:
    """Versions agree on all nodes; an object of each package goes to every node and back."""
    members = alive()
    found = on_each(members, packing)
    for name in packing():
        said = [f"{node.address} has {one[name]}" for node, one in zip(members, found)]
        expect(len({one[name] for one in found}) == 1, f"{name} differs: {', '.join(said)}")
    for name, sent, equal in _samples(found[0]):
        for node in members:
            back = ray.get(on_node(_echo, node).remote(sent))
            expect(equal(sent, back), f"an object of {name} came back from {node.address} changed")


def _echo(sent: Any) -> Any:
    return sent


def _samples(there: dict[str, str]) -> Iterator[tuple[str, Any, Callable[[Any, Any], bool]]]:
    """An object of each package that is there, and how to compare two."""
    offset = 20
    yield "cloudpickle", lambda number: number + offset, lambda one, other: one(1) == other(1)
    makers: dict[str, Callable[[Any], tuple[Any, Callable[[Any, Any], bool]]]] = {
        "numpy": lambda numpy: (numpy.arange(1000.0), numpy.array_equal),
        "pyarrow": lambda arrow: (arrow.table({"a": [1, None], "b": ["x", "y"]}), _equals),
        "pandas": lambda pandas: (pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}), _equals),
        "pydantic": lambda pydantic: (
            pydantic.create_model("Sample", number=(int, ...))(number=7),
            lambda one, other: one.number == other.number,
        ),
        "torch": lambda torch: (torch.arange(10.0), torch.equal),
    }
    for name, make in makers.items():
        if there[name] != NONE:
            yield (name, *make(importlib.import_module(name)))


def _equals(one: Any, other: Any) -> bool:
    return bool(one.equals(other))
