"""Rendered Dockerfiles → hadolint's findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from factory import process
from factory.errors import MachineError

CONFIG = Path(__file__).parent.parent / ".hadolint.yaml"


def lint_files(root: Path, paths: Sequence[Path]) -> list[str]:
    """What hadolint objects to, as ``file:line: rule: message``; empty if nothing.

    Args:
        root: the project's root; its own ``.hadolint.yaml`` goes before the factory's.
        paths: Dockerfiles.

    Raises:
        MachineError: there is no hadolint, or it could not run.
    """
    tool = process.find_tool("hadolint")
    if tool is None:
        raise MachineError(
            "hadolint is not installed",
            todo="`pip install -e .` brings one on Linux x86-64; elsewhere put your own on PATH",
        )
    own = root / ".hadolint.yaml"
    argv = [tool, "--format=json", f"--config={own if own.exists() else CONFIG}"]
    found = process.run([*argv, *map(str, paths)], check=False)
    try:
        findings = json.loads(found.stdout)
    except ValueError:
        raise MachineError("hadolint could not run", detail=found.tail) from None
    return [
        f"{Path(item['file']).relative_to(root)}:{item['line']}: {item['code']}: {item['message']}"
        for item in findings
    ]
