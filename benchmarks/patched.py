"""Workers whose Python is another patch of the same. One matrix has no two builds of that kind, so
the interpreter is the one that this program runs on, where it is another patch than the image's.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.signals import undisturbed
from factory import process

OTHER, LET_IN = "other patch", "other patch, let in"
NAMES = (OTHER, LET_IN)
_TAG = "factory.invalid/patched"
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_ASK = (
    "import platform, sys; "
    "print(platform.python_version(), sys.prefix if sys.prefix != sys.base_prefix else '')"
)
_LEFT_OUT = ("test", "tests", "site-packages", "dist-packages", "ensurepip", "idlelib")
_DOCKERFILE = """\
FROM {ref}
COPY bin /opt/python/bin
COPY lib /opt/python/lib
ENV LD_LIBRARY_PATH=/opt/python/lib
RUN ln -sfn /opt/python/bin/python{minor} {venv}/bin/python && \
    sed -i 's|^home = .*|home = /opt/python/bin|' {venv}/pyvenv.cfg && \
    [ "$(python -c 'import platform, ray; print(platform.python_version())')" = {patch} ]
"""
_LET = "ENV RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL=minor\n"
"""Ray's own way to look away; what then comes of it is for the suite to say."""


@contextmanager
def others(ref: str) -> Iterator[Mapping[str, str]]:
    """Images like a good one but for the patch of their Python, by name, for as long as they are
    needed; none where this program's Python is of no use for that.

    Args:
        ref: the good image.

    Raises:
        ProcessFailed: the engine failed, or this machine's interpreter does not run in the image.
    """
    run = ["docker", "run", "--rm", "--pull=never", "--network=none", ref, "python", "-c", _ASK]
    patch, _, venv = process.run(run, timeout=120).stdout.strip().partition(" ")
    if not useful(patch, venv):
        yield {}
        return
    made: dict[str, str] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="python-") as folder:
            _interpreter(Path(folder))
            text = _DOCKERFILE.format(
                ref=ref, minor=_MINOR, venv=venv, patch=platform.python_version()
            )
            for name, dockerfile in ((OTHER, text), (LET_IN, text + _LET)):
                made[name] = f"{_TAG}:{secrets.token_hex(6)}"
                build = ["docker", "buildx", "build", "--quiet", "--tag", made[name], "-f", "-"]
                process.run([*build, folder], stdin=dockerfile.encode(), timeout=600)
        yield made
    finally:
        with undisturbed():
            remove = ["docker", "rmi", "--force", *made.values()]
            process.run(remove, check=False, shielded=True)


def useful(patch: str, venv: str) -> bool:
    """Whether this program's Python can stand in for an image's.

    Args:
        patch: the version of the image's, such as ``3.11.2``.
        venv: the folder of the environment that Ray is in; empty if it is in none, so that there
            is nothing to give another interpreter to.
    """
    same_minor = patch.rpartition(".")[0] == _MINOR
    return bool(venv) and same_minor and patch != platform.python_version()


def _interpreter(folder: Path) -> None:
    """This program's Python, as much as an environment needs of it."""
    (folder / "bin").mkdir()
    shutil.copy(os.path.realpath(sys.executable), folder / "bin" / f"python{_MINOR}")
    library = folder / "lib" / f"python{_MINOR}"
    shutil.copytree(
        sysconfig.get_path("stdlib"), library, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    shared = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))
    if shared.suffix != ".a" and shared.exists():  # where the interpreter is mostly a library
        shutil.copy(shared, folder / "lib")
