"""Asking Python indexes, before anything is built, whether what a step will install can be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from factory.build.sources import PackageSources, hiding
from factory.errors import ConfigError, MachineError
from factory.model import Wheels
from factory.uv import Asking, Unanswered, compile_pins


def asking(sources: PackageSources) -> Asking:
    """How uv asks a host's package sources."""
    return Asking(
        config=sources.uv_toml(on_host=True), ca=sources.ca, hide=hiding(sources.secrets())
    )


def check_wheels(
    wheels: Wheels, sources: PackageSources, root: Path, log: Callable[[str], None]
) -> str:
    """What the first requirement stands for, such as ``torch==2.13.0+cpu``.

    Args:
        wheels: what is asked for.
        sources: the host's package sources, where ``wheels`` names none.
        root: the project's root.
        log: gets uv's lines, without credentials.

    Raises:
        ConfigError: there is no such release, flavour or combination.
        MachineError: uv is missing, or no index answers or lets us in.
    """
    try:
        found = compile_pins(
            ["-", "--quiet", *_arguments(wheels, root)],
            python=wheels.python,
            asking=asking(sources),
            stdin="\n".join(_asked(wheels)),
            on_line=log,
        )
    except Unanswered as error:
        raise _explained(wheels, error) from error
    name = wheels.requirements[0].split("=")[0].split("[")[0]
    lines = (line for line in found.stdout.splitlines() if line.startswith(f"{name}=="))
    return next(lines, wheels.requirements[0])


def _asked(wheels: Wheels) -> tuple[str, ...]:
    """An index or folder of its own has the first; whatever goes with it comes from the host's."""
    return wheels.requirements[:1] if wheels.index or wheels.find_links else wheels.requirements


def _arguments(wheels: Wheels, root: Path) -> list[str]:
    # Of one its own existence is asked; of several, whether they go together.
    alone = ["--no-deps"] if len(_asked(wheels)) == 1 else []
    if wheels.find_links:
        folder = str(root / wheels.find_links)
        return [*alone, "--no-config", "--no-index", "--find-links", folder]
    if wheels.index:
        return [*alone, "--no-config", "--native-tls", "--default-index", wheels.index]
    return alone


def _explained(wheels: Wheels, error: Unanswered) -> ConfigError | MachineError:
    own = wheels.index or wheels.find_links
    if error.refused:
        return ConfigError(
            f"{wheels.name} is not in {own}"
            if own
            else f"{wheels.name} cannot be had from the package sources of this host",
            where="matrix.yaml",
            todo="take a release or flavour that there is, name an index or folder that has it "
            "(docs/devices.md), or exclude the cell",
            detail=error.said,
        )
    return MachineError(
        f"no package source says whether there is {wheels.name}",
        todo="see that pip can install on this host and that its index settings are right "
        "(`invoke doctor`), then run again",
        detail=error.said,
    )
