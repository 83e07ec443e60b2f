"""The suite as one script that a bare Python reads from standard input."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from factory.verify.smoke import own
from factory.verify.smoke.protocol import Expected

PACKAGE = "cluster_smoke"
"""What the suite is called inside the cluster."""

SMOKE = Path(__file__).parent / "smoke"
"""Where the suite's source is."""

_LOADER = """\
import base64, io, os, sys, tempfile, zipfile
folder = tempfile.mkdtemp(prefix="{package}-")
zipfile.ZipFile(io.BytesIO(base64.b64decode("{archive}"))).extractall(folder)
path = [folder, os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
arguments = ["-u", "-m", "{package}.supervisor", folder, {expected!r}]
os.execv(sys.executable, [sys.executable, *arguments])
"""


def suite_files() -> Mapping[str, bytes]:
    """The suite's own modules, by path inside its package."""
    return {
        path.relative_to(SMOKE).as_posix(): path.read_bytes()
        for path in sorted(SMOKE.rglob("*.py"))
    }


def suite_digest() -> str:
    """Changes whenever the suite's code or the way it is loaded does."""
    digest = hashlib.sha256(_LOADER.encode())
    for name, content in suite_files().items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def script(expected: Expected, own_checks: bytes | None) -> bytes:
    """A program that unpacks the suite into a folder of its own and runs it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in suite_files().items():
            archive.writestr(f"{PACKAGE}/{name}", content)
        if own_checks is not None:
            archive.writestr(own.FILE, own_checks)
    text = _LOADER.format(
        package=PACKAGE,
        archive=base64.b64encode(buffer.getvalue()).decode(),
        expected=json.dumps(asdict(expected)),
    )
    return text.encode()
