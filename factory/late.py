"""Rooms whose modules are loaded when something of them is first asked for: a run that finds
nothing to do enters few of them, and loading all takes longer than what it does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def loading(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package (PEP 562).

    Args:
        package: its name.
        homes: what it offers, to the module of the package that has it.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, found)  # from now on it is an ordinary attribute
        return found

    return load
