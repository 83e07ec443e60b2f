"""Asking Python indexes, before anything is built, whether what a step will install can be had.

uv answers as it will in the build: by the same sources, for the image's Python and platform.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from factory import process
from factory.build.sources import PackageSources, hiding
from factory.errors import ConfigError, MachineError
from factory.model import Wheels

_PLATFORM = "x86_64-manylinux_2_31"
"""The oldest C library of what bases are made from: Debian 11's, and that of Ray's own images."""

_SECONDS = 180
_SHOWN = 12
_NO_SOLUTION = "No solution found"
_NOT_ASKED = ("authentication credentials", "403 Forbidden", "network was disabled")
"""What uv adds where it found nothing because it was not let in."""

_KEPT = ("UV_CACHE_DIR", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT")
"""How uv asks; all its other variables are about what."""


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
    hide = hiding(sources.secrets())  # uv quotes a configuration that it cannot read
    with tempfile.TemporaryDirectory(prefix="factory-wheels-") as folder:
        config = Path(folder, "uv.toml")
        config.touch(mode=0o600)
        config.write_text(sources.uv_toml(on_host=True), encoding="utf-8")
        try:
            found = process.run(
                [_uv(), "pip", "compile", "-", *_arguments(wheels, config, root)],
                stdin="\n".join(_asked(wheels)).encode(),
                env=_environment(sources),
                timeout=_SECONDS,
                on_line=lambda line: log(hide(line)),
            )
        except process.ProcessFailed as error:
            raise _explained(wheels, error.completed, hide) from error
    name = wheels.requirements[0].split("=")[0].split("[")[0]
    lines = (line for line in found.stdout.splitlines() if line.startswith(f"{name}=="))
    return next(lines, wheels.requirements[0])


def _environment(sources: PackageSources) -> dict[str, str | None]:
    """Builds see no variable of uv's that is set here, so neither does this."""
    own = [name for name in os.environ if name.startswith("UV_") and name not in _KEPT]
    env: dict[str, str | None] = dict.fromkeys(own)
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    return env | ({"SSL_CERT_FILE": str(sources.ca)} if sources.ca else {})


def _uv() -> str:
    """The locked one that was installed beside this Python, whose options are known; else any."""
    own = Path(sys.prefix, "bin", "uv")
    uv = str(own) if own.is_file() else process.find_tool("uv")
    if uv is None:
        todo = "install the locked requirements again (`./bootstrap.sh`), which hold uv"
        raise MachineError("uv is missing, which looks wheels up", todo=todo)
    return uv


def _asked(wheels: Wheels) -> tuple[str, ...]:
    """An index or folder of its own has the first; whatever goes with it comes from the host's."""
    return wheels.requirements[:1] if wheels.index or wheels.find_links else wheels.requirements


def _arguments(wheels: Wheels, config: Path, root: Path) -> list[str]:
    asking = ["--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    asking += ["--python", sys.executable, "--python-version", wheels.python]
    asking += ["--python-platform", _PLATFORM]
    if len(_asked(wheels)) == 1:
        asking += ["--no-deps"]  # its own existence is asked; of several, whether they go together
    if wheels.find_links:
        folder = str(root / wheels.find_links)
        return [*asking, "--no-config", "--no-index", "--find-links", folder]
    if wheels.index:
        return [*asking, "--no-config", "--native-tls", "--default-index", wheels.index]
    return [*asking, "--config-file", str(config)]


def _explained(
    wheels: Wheels, failed: process.Completed, hide: Callable[[str], str]
) -> ConfigError | MachineError:
    said = [hide(line) for line in failed.stderr.splitlines() if line.strip()]
    own = wheels.index or wheels.find_links
    not_asked = any(word in line for line in said for word in _NOT_ASKED)
    if any(_NO_SOLUTION in line for line in said) and not not_asked:
        return ConfigError(
            f"{wheels.name} is not in {own}"
            if own
            else f"{wheels.name} cannot be had from the package sources of this host",
            where="matrix.yaml",
            todo="take a release or flavour that there is, name an index or folder that has it "
            "(docs/devices.md), or exclude the cell",
            detail=said[-_SHOWN:],
        )
    return MachineError(
        f"no package source says whether there is {wheels.name}",
        todo="see that pip can install on this host and that its index settings are right "
        "(`invoke doctor`), then run again",
        detail=said[-_SHOWN:],
    )
