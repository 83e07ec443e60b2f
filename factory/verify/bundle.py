"""The suite as one script that a bare Python reads from standard input."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from factory.verify.own_checks import OwnChecks
from factory.verify.smoke import own
from factory.verify.smoke.protocol import Expected

PACKAGE = "cluster_smoke"
"""What the suite is called inside the cluster."""

SMOKE = Path(__file__).parent / "smoke"
"""Where the suite's source is."""

PYTHON = ("python", "-I", "-S", "-")
"""How to run the script: nothing of the image's can get in before the suite does."""

_LOADER = """\
import base64, io, pathlib, sys, tempfile, zipfile
folder = tempfile.mkdtemp(prefix="{package}-")
zipfile.ZipFile(io.BytesIO(base64.b64decode("{archive}"))).extractall(folder)
sys.path.insert(0, folder)
from {package} import protocol, supervisor
expected = protocol.Expected.read({expected!r})
supervisor.main(pathlib.Path(folder), expected, {checks!r}, {nonce!r})
"""


def suite_files() -> Mapping[str, bytes]:
    """The suite's own modules, by path inside its package."""
    return {
        path.relative_to(SMOKE).as_posix(): path.read_bytes()
        for path in sorted(SMOKE.rglob("*.py"))
    }


def suite_digest(files: Mapping[str, bytes]) -> str:
    """Changes whenever the suite's code or the way it is loaded does."""
    digest = hashlib.sha256(" ".join(PYTHON).encode() + _LOADER.encode())
    for name, content in files.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def script(
    files: Mapping[str, bytes],
    expected: Expected,
    own_checks: OwnChecks,
    *,
    checks: Sequence[str],
    nonce: str,
) -> bytes:
    """A program that unpacks the suite into a folder of its own and runs these checks of it, and of
    the image's own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{PACKAGE}/{name}", content)
        for file in own_checks.files:
            archive.writestr(own.file_of(file.origin), file.content)
        archive.writestr(own.SPECS, own.listed(own_checks.specs))
    text = _LOADER.format(
        package=PACKAGE,
        archive=base64.b64encode(buffer.getvalue()).decode(),
        expected=asdict(expected),
        checks=list(checks),
        nonce=nonce,
    )
    return text.encode()
