"""Asking uv what Python indexes have, as it will be asked in a build: by the same sources, for the
image's Python and platform, and for wheels alone.

No credential is in an argument list, and none is in what uv says once it is passed on.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory import process
from factory.errors import MachineError
from factory.text import gist

_PLATFORM = "x86_64-manylinux_2_31"
"""The oldest C library of what bases are made from: Debian 11's, and that of Ray's own images."""

_SECONDS = 180
_SHOWN = 24
_NO_SOLUTION = "No solution found"
_NOT_ASKED = ("authentication credentials", "403 Forbidden", "network was disabled")
"""What uv adds where it found nothing because it was not let in."""

_KEPT = ("UV_CACHE_DIR", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT")
"""How uv asks; all its other variables are about what."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Whom uv asks.

    Attributes:
        config: uv's configuration for this host, which may hold credentials.
        ca: a bundle of trusted certificates, or ``None``.
        hide: takes credentials out of a line.
    """

    config: str
    ca: Path | None
    hide: Callable[[str], str]


class Unanswered(Exception):
    """uv found no answer.

    Attributes:
        said: the lines of it that matter, without credentials.
        refused: whether it says that there is none; else nobody could be asked.
    """

    def __init__(self, said: Sequence[str]) -> None:
        super().__init__(said[-1] if said else "uv said nothing")
        self.said = tuple(gist(said, _SHOWN))
        kept_out = any(word in line for line in said for word in _NOT_ASKED)
        self.refused = any(_NO_SOLUTION in line for line in said) and not kept_out


def compile_pins(
    arguments: Sequence[str],
    *,
    python: str,
    asking: Asking,
    stdin: str | None = None,
    folder: Path | None = None,
    on_line: Callable[[str], None] = lambda _: None,
) -> process.Completed:
    """Run ``uv pip compile``.

    Args:
        arguments: what is asked; with ``--no-config``, nobody that the host's settings name.
        python: minor version.
        asking: whom it asks.
        stdin: requirements, where ``-`` is one of the arguments.
        folder: where it runs, by which relative paths go.
        on_line: gets its lines, without credentials.

    Raises:
        Unanswered: it failed, or did not answer in time.
        MachineError: uv is missing.
    """
    fixed = ["--no-header", "--no-annotate", "--only-binary", ":all:", "--python", sys.executable]
    fixed += ["--python-version", python, "--python-platform", _PLATFORM]
    with tempfile.TemporaryDirectory(prefix="factory-uv-") as private:
        config = Path(private, "uv.toml")
        config.touch(mode=0o600)
        config.write_text(asking.config, encoding="utf-8")
        own = [] if "--no-config" in arguments else ["--config-file", str(config)]
        try:
            return process.run(
                [_uv(), "pip", "compile", *arguments, *fixed, *own],
                stdin=None if stdin is None else stdin.encode(),
                env=_environment(asking),
                cwd=folder,
                timeout=_SECONDS,
                on_line=lambda line: on_line(asking.hide(line)),
            )
        except process.ProcessFailed as error:
            # Where it also quotes what it cannot read.
            lines = [line for line in error.completed.stderr.splitlines() if line.strip()]
            told = [line for line in lines if not line.startswith("warning: ")]
            raise Unanswered([asking.hide(line) for line in told]) from error


def _environment(asking: Asking) -> dict[str, str | None]:
    """Builds see no variable of uv's that is set here, so neither does this."""
    own = [name for name in os.environ if name.startswith("UV_") and name not in _KEPT]
    env: dict[str, str | None] = dict.fromkeys(own)
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    return env | ({"SSL_CERT_FILE": str(asking.ca)} if asking.ca else {})


def _uv() -> str:
    """The locked one that was installed beside this Python, whose options are known; else any."""
    own = Path(sys.prefix, "bin", "uv")
    uv = str(own) if own.is_file() else process.find_tool("uv")
    if uv is None:
        todo = "install the locked requirements again (`./bootstrap.sh`), which hold uv"
        raise MachineError("uv is missing, which looks wheels up", todo=todo)
    return uv
