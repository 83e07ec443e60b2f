"""Asking Python indexes, before anything is built, whether what a step will install can be had.

uv answers as it will in the build: by the same configuration, for the image's platform.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from factory import process
from factory.build.sources import PackageSources
from factory.errors import ConfigError, MachineError
from factory.model import Wheels

_PLATFORM = "x86_64-manylinux_2_28"
_SECONDS = 180
_NO_SOLUTION = "No solution found"


def check_wheels(
    wheels: Wheels, sources: PackageSources, root: Path, log: Callable[[str], None]
) -> str:
    """What the first requirement stands for, such as ``torch==2.13.0+cpu``.

    Raises:
        ConfigError: there is no such release, flavour or combination.
        MachineError: uv is missing, or no index answers.
    """
    uv = process.find_tool("uv")
    if uv is None:
        todo = "install the locked requirements again (`./bootstrap.sh`), which hold uv"
        raise MachineError("uv is missing, which looks wheels up", todo=todo)
    with tempfile.TemporaryDirectory(prefix="factory-wheels-") as folder:
        config = Path(folder, "uv.toml")
        config.touch(mode=0o600)
        config.write_text(sources.uv_toml(on_host=True), encoding="utf-8")
        env = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
        env |= {"SSL_CERT_FILE": str(sources.ca)} if sources.ca else {}
        try:
            found = process.run(
                _argv(uv, wheels, config, root),
                stdin="\n".join(wheels.requirements).encode(),
                env=env,
                timeout=_SECONDS,
                on_line=log,
            )
        except process.ProcessFailed as error:
            raise _explained(wheels, error.completed) from error
    name = wheels.requirements[0].split("=")[0].split("[")[0]
    lines = (line for line in found.stdout.splitlines() if line.startswith(f"{name}=="))
    return next(lines, wheels.requirements[0])


def _argv(uv: str, wheels: Wheels, config: Path, root: Path) -> list[str]:
    argv = [uv, "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
    argv += ["--python", sys.executable, "--python-version", wheels.python]
    argv += ["--python-platform", _PLATFORM, "--only-binary", ":all:"]
    if wheels.find_links:
        return [
            *argv,
            "--no-config",
            "--no-deps",
            "--no-index",
            "--find-links",
            str(root / wheels.find_links),
        ]
    if wheels.index:
        return [
            *argv,
            "--no-config",
            "--no-deps",
            "--system-certs",
            "--default-index",
            wheels.index,
        ]
    argv += ["--config-file", str(config)]
    # Of one package only its own existence is asked; of several, whether they go together.
    return argv if len(wheels.requirements) > 1 else [*argv, "--no-deps"]


def _explained(wheels: Wheels, failed: process.Completed) -> ConfigError | MachineError:
    said = [line for line in failed.stderr.splitlines() if line.strip()][-12:]
    if any(_NO_SOLUTION in line for line in said):
        return ConfigError(
            f"{wheels.name} cannot be had from the package sources of this host"
            if not (wheels.index or wheels.find_links)
            else f"{wheels.name} is not in {wheels.index or wheels.find_links}",
            where="matrix.yaml",
            todo="take a release or flavour that there is, name an index or folder that has it "
            "(docs/devices.md), or exclude the cell",
            detail=said,
        )
    return MachineError(
        f"no package source says whether there is {wheels.name}",
        todo="see that pip can install on this host (`invoke doctor`), then run again",
        detail=said,
    )
