"""The project whose files are replaced, and what of it is planned and rendered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.fuzz.judge import EscapedError, Ground
from benchmarks.fuzz.strategies import MARK, PAYLOADS
from factory.dockerfile import parse
from factory.model import TEMPLATES, Selection
from factory.pipeline import prepare
from factory.settings import Settings

SHIPPED = Path(__file__).parents[2]
IMAGE_FILE = "images/demo/image.yaml"
GOOD_MATRIX: Mapping[str, Any] = {
    "axes": {"python": ["3.11"], "ray": ["2.60.0"], "device": ["cpu", "gpu"], "flavour": ["a"]},
    "exclude": [{"where": {"device": "gpu", "flavour": ["a"]}, "reason": "none is here"}],
    "include": [
        {"python": "3.13", "ray": "2.55.1", "device": "gpu", "rllib": False, "flavour": "b"}
    ],
    "latest": {"ray": "2.60.0"},
    "cohorts": {
        "mixed": {"image": "demo", "head": {"device": "gpu"}, "workers": {"device": "cpu"}}
    },
    "devices": {
        "cpu": {"torch": {"version": "2.13.0+cpu", "index": "https://i.example/cpu"}},
        "gpu": {"cuda": "cuda130", "torch": {"version": "2.13.0"}},
    },
    "base": {"source": "packages", "epoch": "2026-11", "packages": {"extras": ["default"]}},
    "runtime": {"apt": ["libjemalloc2", "procps"]},
    "targets": {"local": {"kind": "local", "accept": ["substituted base"]}},
    "policy": {
        "scan": {
            "vulnerabilities": ["critical"],
            "grace_days": {"high": 7},
            "exemptions": [
                {"id": "CVE-2026-1", "reason": "no way in", "until": "2027-01-31", "images": ["d*"]}
            ],
            "sizes": [{"mebibytes": 900, "image": "demo", "where": {"device": "cpu"}}],
            "database_mirror": "m.example/trivy-db",
        }
    },
    "verify": {"workers": 2, "suite": "quick", "cold_start": {"full": 15.0}},
}
GOOD_IMAGE: Mapping[str, Any] = {
    "description": "Adds numbers",
    "source": "app",
    "requirements": "requirements.txt",
    "apt": ["curl=8.1-1"],
    "env": {"A": "b c", "PATH_TO": "/x:/y"},
    "install": {"script": "install.sh", "apt": ["gcc"], "secrets": ["TOKEN"]},
    "checks": "checks.py",
    "needs": ["data"],
    "contract": {"read_only": True, "writable": ["/var/x"]},
    "overrides": [{"when": {"flavour": "a"}, "apt": ["git"], "env": {"C": "d"}}],
}
GOOD_GIT: Mapping[str, Any] = {
    "description": "Comes from git",
    "source": {"git": "https://h.example/a.git", "ref": "main", "folder": "app", "token": "TOKEN"},
    "where": {"device": "cpu"},
    "env": {},
}
_FILES = {
    "requirements.txt": "fsspec==2026.4.0\n",
    "checks.py": "def check_sum(ray):\n    assert 1 + 1 == 2\n",
    "install.sh": "true\n",
    "app/main.py": "print(1 + 1)\n",
    "app/.dockerignore": "*.tmp\n",
}
_KNOWN = {"SYNTAX", "FROM", "RUN", "COPY", "ADD", "ENV", "LABEL", "USER", "WORKDIR", "CMD", "ARG"}
"""The keywords that the shipped templates use. ``SYNTAX`` is none of them; it is never allowed."""


@contextmanager
def ground() -> Iterator[Ground]:
    """A project of its own, with a folder beside it that nothing may read."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        made = Ground(
            root=Path(folder).resolve() / "tree", beside=Path(folder).resolve() / "beside"
        )
        made.beside.mkdir()
        (made.beside / "secret.j2").write_text("hush\n")
        (made.beside / "image.yaml").write_text("description: hush\n")
        lay(made.root)
        yield made


def lay(root: Path) -> None:
    """Write the project anew."""
    import yaml

    if root.exists():
        shutil.rmtree(root)
    shutil.copytree(SHIPPED / TEMPLATES, root / TEMPLATES, ignore=shutil.ignore_patterns("locks"))
    for name, text in _FILES.items():
        file = root / "images" / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "matrix.yaml").write_text(yaml.safe_dump(dict(GOOD_MATRIX), sort_keys=False))
    (root / IMAGE_FILE).write_text(yaml.safe_dump(dict(GOOD_IMAGE), sort_keys=False))


def settings(root: Path) -> Settings:
    """Of a call in the project, with a home of its own."""
    return Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": str(root.parent)})


def planned(root: Path) -> None:
    """Plan the whole project, and see that its Dockerfiles do what the templates say.

    Raises:
        FactoryError: it is refused.
        EscapedError: something else got into a Dockerfile.
    """
    prepared = prepare(settings(root), Selection())
    for step in prepared.plan.steps.values():
        for payload in PAYLOADS:
            if not payload.isascii() or set(payload) & set('\n\r\0\x1b"`\\${'):
                _refuse_text(step.dockerfile, payload)
        for each in parse(step.dockerfile):
            wrong = each.keyword not in _KNOWN - {"SYNTAX"}
            wrong |= each.keyword == "RUN" and MARK in f"{each.arguments}{each.heredocs}"
            wrong |= each.keyword == "USER" and each.arguments not in ("0", "1000")
            if wrong:
                raise EscapedError(f"{each.keyword} {each.arguments[:200]} is in a Dockerfile")


def _refuse_text(dockerfile: str, payload: str) -> None:
    if payload in dockerfile:
        raise EscapedError(f"{payload[:80]!r} is in a Dockerfile")


def put(root: Path, place: str, how: str, to: str) -> None:
    """Take away what is at a place of the tree, and put a link, a pipe, a folder or a file there.
    Where a link that was put before leads out of the tree, nothing is done.

    Raises:
        OSError: there cannot be such a file.
        RuntimeError: links go in a circle.
    """
    path = root / place
    if not path.parent.resolve().is_relative_to(root):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        path.symlink_to(to)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "file":
        path.write_text(to)
