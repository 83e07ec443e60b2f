"""The house's rules, held: who imports whom, what is pure, who starts processes, how long things
are."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

FACTORY = ROOT / "factory"
FILES = sorted(FACTORY.rglob("*.py"))
PACKAGES = {path.parent.name for path in FACTORY.glob("*/__init__.py")}
COMMANDS = {"commands"}
"""Packages of tasks, which are above everything, as ``tasks.py`` is."""

EDGES = {"context", "dockerfile", "registry"}
"""Packages that are no rooms: edges that several rooms share, too large for one module."""

ROOMS = PACKAGES - EDGES - COMMANDS - {"model"}
SHARED = {
    "archive",
    "aside",
    "compose",
    "connection",
    "daemon",
    "engine",
    "errors",
    "fetching",
    "gather",
    "git",
    "model",
    "presence",
    "process",
}
SHARED |= {
    "late",
    "locks",
    "refused",
    "settings",
    "signals",
    "streams",
    "text",
    "trivy",
    "uv",
    *EDGES,
}
"""What any room may import: the types, and the edges that several rooms share."""

MODEL = {"errors", "model", "text"}
PURE_ROOMS = ("bake", "explain", "export", "matrix", "model", "plan", "render")
PURE = sorted(
    {
        *(path for room in ("dockerfile", *PURE_ROOMS) for path in (FACTORY / room).rglob("*.py")),
        *FACTORY.glob("*/policy.py"),
        *(
            FACTORY / name
            for name in ("errors.py", "text.py", "publish/gate.py", "publish/retention.py")
        ),
        *(FACTORY / "registry" / name for name in ("challenge.py", "manifest.py", "reference.py")),
        *(FACTORY / name for name in ("base/support.py", "verify/verdict.py")),
        FACTORY / "verify" / "budget.py",
        *(FACTORY / f"evidence/{name}.py" for name in ("statement", "envelope")),
        *(
            FACTORY / f"scan/{name}.py"
            for name in (
                *("changes", "content", "origin", "report", "ruling", "sarif"),
                *("telling", "tree"),
            )
        ),
        *(
            FACTORY / f"report/{name}.py"
            for name in (
                "tables",
                "documents",
                "explanations",
                "judged",
                "summary",
                "results",
                "published",
                "moves",
                "adoptions",
                "differences",
                "files",
                "audits",
            )
        ),
        *(FACTORY / f"cluster/{name}.py" for name in ("plan", "ports", "sizes")),
        *(FACTORY / f"lock/{name}.py" for name in ("check", "lines", "outdated", "places")),
        *(FACTORY / name for name in ("lock/resolve.py", "report/locks.py")),
        FACTORY / "console" / "layout.py",
        *(FACTORY / "context" / name for name in ("ignore.py", "patterns.py")),
    }
)
PURE_LIBRARY = {
    *(
        "__future__",
        "ast",
        "base64",
        "collections",
        "dataclasses",
        "difflib",
        "enum",
        "fnmatch",
        "functools",
    ),
    *(
        "hashlib",
        "heapq",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "posixpath",
        "re",
        "string",
        "textwrap",
        "traceback",
        "types",
        "typing",
    ),
}
"""The standard library's modules that touch no file, clock, network, process or environment."""

PURE_OTHERS = {"jinja2", "pydantic", "pydantic_core", "yaml"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
TELLS_TIME = {"datetime"}
"""Modules with values and a clock alike: a pure module may compute with them, and ask no clock."""

CLOCK = {"now", "utcnow", "today", "time", "monotonic"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported anywhere in it, but for type checking only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level  # within a package, as the smoke suite's own modules do
            yield from (f"{prefix}{node.module or ''}.{alias.name}" for alias in node.names)
        yield from imports(node)


@cache
def parts_of(path: Path) -> frozenset[str]:
    """The rooms and modules of the factory that a module imports."""
    found = set()
    for name in imports(tree_of(path)):
        top, _, rest = name.partition(".")
        if top == "factory" and rest:
            found.add(rest.split(".")[0])
    return frozenset(found)


def parts_of_all(name: str) -> set[str]:
    """The same of a module by its name, or of all modules of a package."""
    files = [FACTORY / f"{name}.py"]
    if (FACTORY / name).is_dir():
        files = list((FACTORY / name).rglob("*.py"))
    return set[str]().union(*map(parts_of, files))


def room_of(path: Path) -> str | None:
    first = path.relative_to(FACTORY).parts[0]
    return first if first in ROOMS else None


INSIDE = (FACTORY / "verify" / "smoke", FACTORY / "cluster" / "inside")

in_rooms = pytest.mark.parametrize("path", [p for p in FILES if room_of(p)], ids=name_of)
every = pytest.mark.parametrize("path", FILES, ids=name_of)


@in_rooms
def test_rooms_import_only_themselves_and_what_is_shared(path: Path) -> None:
    assert parts_of(path) <= {room_of(path), *SHARED}


def test_what_runs_inside_images_needs_nothing_of_the_factory() -> None:
    """There is none."""
    for path in (*INSIDE[0].rglob("*.py"), *INSIDE[1].rglob("*.py")):
        assert not parts_of(path), name_of(path)


def test_what_is_shared_imports_no_room_and_nothing_above_it() -> None:
    for name in SHARED:
        assert parts_of_all(name) <= SHARED, name


def test_the_model_imports_nothing_but_the_model() -> None:
    for name in MODEL:
        assert parts_of_all(name) <= MODEL


def test_imports_point_one_way() -> None:
    """tasks → pipeline → workshop → rooms: nobody imports what is above."""
    for path in FILES:
        if path.parent.name in COMMANDS:
            continue
        parts = parts_of(path)
        assert not parts & {"pipeline", *COMMANDS}, name_of(path)
        if path.name != "pipeline.py":
            assert not parts & {"workshop", "preflight"}, name_of(path)
        if path.name not in ("pipeline.py", "workshop.py"):
            assert "stock" not in parts, name_of(path)
        assert not any(name.split(".")[0] == "tasks" for name in imports(tree_of(path)))
        assert not parts & COMMANDS or path.parent.name in COMMANDS, name_of(path)


def test_modules_import_each_other_in_no_circle() -> None:
    from graphlib import TopologicalSorter

    graph = {
        part: set[str]().union(*(parts_of(path) for path in paths)) - {part}
        for part, paths in (
            *((name, list((FACTORY / name).rglob("*.py"))) for name in PACKAGES),
            *((path.stem, [path]) for path in FACTORY.glob("*.py") if path.stem != "__init__"),
        )
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_modules_touch_nothing_outside(path: Path) -> None:
    tree = tree_of(path)
    room = room_of(path)
    for name in imports(tree):
        top, _, rest = name.partition(".")
        if top == "factory":
            pure = name.rpartition(".")[0] == "factory.context.patterns"
            pure = pure or rest.split(".")[0] in {room, "dockerfile", *MODEL}
            assert pure, f"{name} may do anything"
        else:
            assert top in PURE_LIBRARY | PURE_OTHERS | TELLS_TIME, f"{name} is not known as pure"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCK, f"line {node.lineno} asks a clock"


STARTERS = {"subprocess", "multiprocessing", "pty", "asyncio.subprocess"}
STARTING = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
STARTING |= {f"{kind}{end}" for kind in ("exec", "spawn") for end in ("l", "le", "lp", "lpe")}
STARTING |= {f"{kind}{end}" for kind in ("exec", "spawn") for end in ("v", "ve", "vp", "vpe")}


def starts_processes(tree: ast.Module) -> list[int]:
    """The lines that could start a process."""
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(name.split(".")[0] in STARTERS for name in imports(ast.Module([node], [])))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            by_os = node.value.id == "os" and node.attr in STARTING
            by_invoke = node.value.id in ("c", "_c", "ctx", "context") and node.attr in (
                "run",
                "sudo",
            )
            lines += [node.lineno] if by_os or by_invoke else []
    return lines


@pytest.mark.parametrize("path", [*FILES, ROOT / "tasks.py"], ids=name_of)
def test_only_the_gateway_starts_processes(path: Path) -> None:
    if path == FACTORY / "process.py":
        assert starts_processes(tree_of(path))
    elif FACTORY / "verify" / "smoke" not in path.parents:  # it runs inside the image
        assert not starts_processes(tree_of(path))


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('ls')",
        "import os\nos.execvp('ls', [])",
        "def task(c): c.run('ls')",
    ],
)
def test_the_search_for_processes_finds_them(source: str) -> None:
    assert starts_processes(ast.parse(source))


@every
def test_no_module_and_no_function_is_long(path: Path) -> None:
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST_MODULE
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@every
def test_what_is_public_is_documented(path: Path) -> None:
    tree = tree_of(path)
    if path.name != "__init__.py" or tree.body:
        assert ast.get_docstring(tree), "a module says what it is for"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            assert node.name.startswith("_") or ast.get_docstring(node), node.name


def test_listing_the_commands_imports_nothing_heavy() -> None:
    from factory import process

    script = "import sys, tasks; print(*sys.modules)"
    loaded = process.run([sys.executable, "-c", script], cwd=ROOT).stdout.split()
    assert not {"docker", "urllib3", "rich", "jinja2", "filelock"} & set(loaded)
