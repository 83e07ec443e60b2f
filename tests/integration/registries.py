"""Tiny images and a registry of their own for the tests that publish."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from factory import process
from factory.engine import Engine
from factory.errors import RegistryError
from factory.model import (
    KEY_LABEL,
    Build,
    Built,
    Cell,
    Check,
    CheckStatus,
    Gate,
    PlannedBuild,
    Status,
    Target,
    Verdict,
    step_ref,
)
from factory.registry import Registry
from factory.settings import Settings

QUIET = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"}


PASSWORD = "hush-hush"
_HTPASSWD = "me:$2b$04$Mc85gYrNTLF9.5a/Rr/FxeoGIDqy01m9AfFQdGmH3qh0PoSlY1S2C\n"


@contextmanager
def guarded_registry(folder: Path) -> Iterator[str]:
    """``host:port`` of a registry that lets in the user ``me`` with ``PASSWORD``, and nobody
    else."""
    folder.mkdir()
    (folder / "htpasswd").write_text(_HTPASSWD)
    auth = {"htpasswd": {"realm": "here", "path": str(folder / "htpasswd")}}
    with _registry(folder, {"auth": auth}) as host:
        yield host


@contextmanager
def open_registry(folder: Path) -> Iterator[str]:
    """``host:port`` of a registry that lets in everybody."""
    folder.mkdir()
    with _registry(folder, {}) as host:
        yield host


@contextmanager
def _registry(folder: Path, more: Mapping[str, object]) -> Iterator[str]:
    with registry_at("", folder, more) as host:
        yield host


@contextmanager
def registry_at(name: str, folder: Path, more: Mapping[str, object]) -> Iterator[str]:
    """A registry with more configuration: by the ``name`` under which ``more`` has it listen, or
    at a port of its own."""
    program = process.find_tool("docker-registry") or process.find_tool("registry")
    assert program, "`apt-get install docker-registry`, which this test starts"
    host, config = name or f"127.0.0.1:{free_port()}", folder / "config.json"
    document = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
        "http": {"addr": host},
        **more,
    }
    config.write_text(json.dumps(document))
    pid = process.daemon([program, "serve", str(config)], log=folder / "log")
    try:
        _await(host, folder / "log")
        yield host
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _await(host: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            return Registry().hasty().ping(f"{host}/any")
        except RegistryError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_at(folder: Path, port: int | None = None) -> Settings:
    return Settings(
        root=folder / "project",
        cache=folder / "cache",
        data=folder / "data",
        jobs=2,
        registry=f"127.0.0.1:{port or free_port()}",
    )


def registry_folder(settings: Settings) -> Path:
    """Where the embedded registry keeps what is of its address."""
    return settings.data / "registry" / settings.registry.replace(":", "_")


@dataclass
class Workshop:
    """Builds images of one small file, and takes them away again."""

    folder: Path
    engine: Engine
    name: str

    def __post_init__(self) -> None:
        self.refs: set[str] = set()
        self.ids: set[str] = set()

    def planned(self, key: str = "a") -> PlannedBuild:
        """A build whose immutable tag follows from its key, and whose floating ones do not."""
        cell = Cell(python="3.11", ray="2.60.0", device="cpu")
        return PlannedBuild(
            build=Build(image=self.name, cell=cell),
            steps=(key * 64,),
            immutable=f"{cell.id}-{key * 12}",
            floating=(cell.id, "latest"),
        )

    def built(self, content: str, key: str = "a", *, says: str | None = None) -> Built:
        """An image with this content; the same key may be built with another content.

        ``key`` is a letter that stands for a whole key of it, or a whole one; ``says`` is the whole
        key in its label, if it is not that of the build.
        """
        whole = (key * 64)[:64]
        ref = step_ref(self.name, whole)
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "file").write_text(content)
        dockerfile = b'FROM scratch\nCOPY file /file\nCMD ["/file"]\n'
        facts = self.folder / "metadata.json"
        argv = ["docker", "buildx", "build", "--quiet", "--file=-", f"--tag={ref}"]
        argv += [f"--label={KEY_LABEL}={whole if says is None else says}"]
        argv += [f"--metadata-file={facts}", str(context)]
        process.run(argv, stdin=dockerfile, env=QUIET)
        self.refs.add(ref)
        written = json.loads(facts.read_text())
        self.ids.add(written["containerimage.digest"])
        return Built(
            key=whole,
            ref=ref,
            image_id=written["containerimage.digest"],
            config_digest=written["containerimage.config.digest"],
            substituted_base=False,
            reason="for a test",
            at="",
            seconds=0.0,
        )

    def clean(self) -> None:
        for ref in (*self.refs, *self.ids):  # overlay2 keeps an image that lost its tag
            self.engine.remove_image(ref)


def passed(built: Built) -> tuple[Verdict, ...]:
    """Both gates, passed, for exactly this image."""
    scan = Verdict(
        gate=Gate.SCAN,
        config_digest=built.config_digest,
        basis="sha256:basis",
        status=Status.PASS,
        checks=(Check(name="looked", status=CheckStatus.PASS),),
    )
    return scan, replace(scan, gate=Gate.VERIFY)


def target_at(address: str) -> Target:
    return Target(name="local", registry=f"{address}/team")
