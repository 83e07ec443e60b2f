"""The image's own checks: the functions named ``check_*`` of its ``checks.py``, and of those of the
images that it stands on.

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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

from .protocol import Expected
from .suite import Spec

NAME = "own"
_PREFIX = "check_"
SPECS = "own_checks.json"
LIMIT_SECONDS = 120.0
LONGEST_SECONDS = 900.0
_FILE = "own_checks/{origin}/checks.py"
"""In a folder, since ``checks`` itself may be a module of the application's."""


def in_folder(folder: Path) -> list[Spec]:
    """The checks that the factory found and sent along; the image has no say in which they are."""
    file = folder / SPECS
    rows = json.loads(file.read_text("utf-8")) if file.exists() else []
    return [_spec(row["origin"], row["function"], row["limit"]) for row in rows]


def listed(specs: Iterable[Spec]) -> bytes:
    """Checks as ``in_folder`` reads them."""
    rows = [
        {"origin": origin_of(spec), "function": function_of(spec), "limit": spec.limit}
        for spec in specs
    ]
    return json.dumps(rows).encode()


def file_of(origin: str) -> str:
    """Where the file of that origin is, in the suite's folder."""
    return _FILE.format(origin=origin)


def origin_of(spec: Spec) -> str:
    """Which of the files a check is in."""
    return spec.run.partition(":")[0]


def function_of(spec: Spec) -> str:
    """The name of a check's function."""
    return spec.run.partition(":")[2]


def discover(source: str | bytes, origin: str) -> list[Spec]:
    """The checks of a file, found without running it, in its order.

    Args:
        origin: what the file is told from others by: the name of a folder.

    Raises:
        SyntaxError: it is no Python.
        ValueError: there is no check in it, one that would not be asked, or limits that cannot be
            used.
    """
    tree = ast.parse(source, file_of(origin))
    limits = _limits(tree)
    names = dict.fromkeys(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith(_PREFIX)
    )
    for name in _astray(tree.body):
        raise ValueError(f"{name} would not be asked: a check is a plain function, not indented")
    if _PREFIX in names:
        raise ValueError(f"{_PREFIX} has no name of its own")
    unknown = sorted(set(limits) - set(names))
    if not names or unknown:
        lacks = f"LIMITS names {unknown[0]!r}, which" if unknown else "it"
        raise ValueError(f"{lacks} has no function; a check is a function named check_…")
    return [_spec(origin, name, limits.get(name, LIMIT_SECONDS)) for name in names]


def _astray(body: Iterable[ast.AST], *, top: bool = True) -> Iterator[str]:
    """Functions that look like checks, and that nobody would ask: those that are awaited, and those
    in an ``if``, a ``try`` or the like. What is in functions and classes is their own affair."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            plain = top and isinstance(node, ast.FunctionDef)
            if node.name.startswith(_PREFIX) and not plain:
                yield node.name
        elif not isinstance(node, ast.ClassDef):
            yield from _astray(ast.iter_child_nodes(node), top=False)


def _spec(origin: str, function: str, limit: float) -> Spec:
    return Spec(
        name=f"{NAME}:" + function[len(_PREFIX) :].replace("_", "-"),
        proves="what the image's own check asserts",
        limit=limit,
        run=f"{origin}:{function}",
        needs=("nodes", "square"),
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
    except (ValueError, TypeError):  # the latter of ``{[]: 1}``
        return ast.dump(node)


def _is_limit(seconds: object) -> bool:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    return number and 0 < float(str(seconds)) <= LONGEST_SECONDS


def load(folder: Path, check: Spec) -> ModuleType:
    """Run the file of a check: an import like any other, under a name of its own."""
    origin = origin_of(check)
    name = f"own_checks_{origin}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / file_of(origin))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def call(function: Callable[..., object], expected: Expected) -> None:
    """Call a check with as much as it asks for."""
    if inspect.signature(function).parameters:
        function(expected)
    else:
        function()
