"""A cluster's verification without the factory: `docker compose up --wait` with a health check by
`ray health-check`, the checks in one script, `docker compose down`. Nothing is kept apart from
anything: not the single container from the cluster, not the checks from each other, no time limits,
no logs, no verdict.
"""

from __future__ import annotations

import base64
import io
import secrets
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.tree import Tree
from factory import process
from factory.errors import FactoryError
from factory.verify import bundle
from factory.verify.request import ClusterRequest, Material
from factory.verify.selection import Selection
from factory.verify.smoke import own

FILE = Path(__file__).with_name("minimum.yaml")
_SECONDS = 900
_SCRIPT = """\
import base64, io, pathlib, sys, tempfile, zipfile
folder = tempfile.mkdtemp()
zipfile.ZipFile(io.BytesIO(base64.b64decode("{archive}"))).extractall(folder)
sys.path.insert(0, folder)
from {package} import own, protocol, session, suite
folder, expected = pathlib.Path(folder), protocol.Expected.read({expected!r})
specs = {{spec.name: spec for spec in [*suite.SUITE, *own.in_folder(folder)]}}
for name in {names!r}:
    result = session._perform(specs[name], folder, expected)
    print(name, result, flush=True)
    if result.status != protocol.PASS:
        sys.exit(1)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What it took: wall time, that of `down` alone, and CPU of the whole machine.

    `down` gives nodes ten seconds to end, as people leave it, where the factory, which has all that
    it wants to know by then, kills them.
    """

    seconds: float
    down_seconds: float
    busy_seconds: float


def verify(tree: Tree, request: ClusterRequest) -> Took:
    """Try an image, or a head's and its workers'.

    Raises:
        FactoryError: it did not pass, or the engine failed.
    """
    env = {
        "IMAGE": request.head_ref,
        "WORKER_IMAGE": request.worker_ref,
        "WORKER_GPUS": "1" if request.worker_cell.device == "gpu" else "0",
        "RUN_ID": tree.mark,
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
    }
    compose = ["docker", "compose", "-f", str(FILE), "-p", f"{tree.mark}-minimum"]
    up = ["up", "--detach", "--wait", "--scale", f"worker={request.workers}"]
    before, started = machine.busy_seconds(), time.monotonic()
    try:
        try:
            process.run([*compose, *up], env=env, timeout=_SECONDS)
            head = [*compose, "exec", "-T", "head", "python", "-"]
            process.run(head, env=env, stdin=script(request), timeout=_SECONDS)
        finally:
            judged = time.monotonic()
            down = [*compose, "down", "--volumes"]
            process.run(down, env=env, timeout=_SECONDS, shielded=True)
    except process.ProcessFailed as error:
        raise FactoryError(
            f"{request.subject} did not pass by the bare minimum", detail=error.completed.tail
        ) from error
    ended = time.monotonic()
    return Took(
        seconds=ended - started,
        down_seconds=ended - judged,
        busy_seconds=machine.busy_seconds() - before,
    )


def script(request: ClusterRequest) -> bytes:
    """The checks that the factory would ask, one after another, in one interpreter."""
    material = Material.of(request)
    chosen = Selection.of(request.expected, material.own_checks.specs, gpus=request.gpus)
    text = _SCRIPT.format(
        archive=base64.b64encode(_archive(material)).decode(),
        package=bundle.PACKAGE,
        expected=asdict(request.expected),
        names=[*chosen.contract, *chosen.names],
    )
    return text.encode()


def _archive(material: Material) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in material.suite.items():
            archive.writestr(f"{bundle.PACKAGE}/{name}", content)
        for file in material.own_checks.files:
            archive.writestr(own.file_of(file.origin), file.content)
        archive.writestr(own.SPECS, own.listed(material.own_checks.specs))
    return buffer.getvalue()
