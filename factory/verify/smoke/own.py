"""The image's own checks: the functions named ``check_*`` of its ``checks.py``.

A function takes no argument, or one: what the cluster is expected to be. It passes by returning
and fails by raising. A module-level ``LIMITS = {"check_name": seconds}`` of literals replaces the
usual time limit.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from .protocol import Expected
from .suite import Spec

NAME = "own"
FILE = "own_checks/checks.py"
"""In a folder, since ``checks`` itself may be a module of the application's."""
SPECS = "own_checks.json"
LIMIT_SECONDS = 120.0
LONGEST_SECONDS = 900.0
_MODULE = "own_checks"


def in_folder(folder: Path) -> list[Spec]:
    """The checks that the factory found and sent along; the image has no say in which they are."""
    file = folder / SPECS
    rows = json.loads(file.read_text("utf-8")) if file.exists() else []
    return [_spec(row["function"], row["limit"]) for row in rows]


def listed(specs: Iterable[Spec]) -> bytes:
    """Checks as ``in_folder`` reads them."""
    return json.dumps([{"function": spec.run, "limit": spec.limit} for spec in specs]).encode()


def discover(source: str | bytes) -> list[Spec]:
    """The checks of a file, found without running it, in its order.

    Raises:
        SyntaxError: it is no Python.
        ValueError: there is no check in it, or its limits cannot be used.
    """
    tree = ast.parse(source, FILE)
    limits = _limits(tree)
    names = dict.fromkeys(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
    )
    unknown = sorted(set(limits) - set(names))
    if not names or unknown:
        lacks = f"LIMITS names {unknown[0]!r}, which" if unknown else "it"
        raise ValueError(f"{lacks} has no function; a check is a function named check_…")
    return [_spec(name, limits.get(name, LIMIT_SECONDS)) for name in names]


def _spec(function: str, limit: float) -> Spec:
    return Spec(
        name=f"{NAME}:" + function[len("check_") :].replace("_", "-"),
        proves="what the image's own check asserts",
        limit=limit,
        run=function,
        needs=("nodes",),
        own=True,
    )


def _limits(tree: ast.Module) -> dict[str, float]:
    found: object = {}
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "LIMITS" for target in targets):
                found = _literal(node.value)
    if not isinstance(found, dict) or not all(map(_is_limit, found.values())):
        raise ValueError(f"LIMITS is {found!r}, not a dict of literal seconds, up to 900 each")
    return {str(name): float(seconds) for name, seconds in found.items()}


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.dump(node)


def _is_limit(seconds: object) -> bool:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return number and 0 < float(str(seconds)) <= LONGEST_SECONDS


def load(folder: Path) -> ModuleType:
    """Run the file: an import like any other, under a name of its own."""
    if _MODULE not in sys.modules:
        spec = importlib.util.spec_from_file_location(_MODULE, folder / FILE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_MODULE] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[_MODULE]
            raise
    return sys.modules[_MODULE]


def call(function: Callable[..., object], expected: Expected) -> None:
    """Call a check with as much as it asks for."""
    if inspect.signature(function).parameters:
        function(expected)
    else:
        function()
