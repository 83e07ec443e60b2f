"""Where Prometheus and Grafana come from: public images, else Prometheus from Debian's package."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from factory import process
from factory.cluster.plan import KIND
from factory.engine import Engine
from factory.errors import ClusterError
from factory.process import ProcessFailed

PROMETHEUS = "prom/prometheus:v3.5.0"
GRAFANA = "grafana/grafana:12.1.0"
_MADE = "factory.invalid/prometheus:debian"
_PARENT = "factory.invalid/prometheus-parent:latest"
_PULL_SECONDS = 600.0
_BUILD_SECONDS = 1200.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The host's Debian mirrors and certificates, as builds see them: what turns apt to them, and a
    bundle or ``None``."""

    apt: str
    ca: Path | None


def prometheus(
    engine: Engine, parent: str, dockerfile: Path, sources: Sources, note: Callable[[str], None]
) -> str:
    """An image with Prometheus; where its own cannot be had, one is made on top of ``parent``.

    Raises:
        ClusterError: it cannot be made either.
    """
    if _had(engine, PROMETHEUS):
        return PROMETHEUS
    note(f"{PROMETHEUS} cannot be pulled: making one from Debian's package")
    image = engine.image(parent)
    if image is None:
        raise ClusterError(f"there is no image {parent} any more", todo="pull it, and try again")
    engine.tag(image.id, _PARENT)  # BuildKit takes no image by its id
    try:
        _build(dockerfile, sources)
    finally:
        engine.remove_image(_PARENT)
    return _MADE


def grafana(engine: Engine, note: Callable[[str], None]) -> str:
    """Grafana's image; empty where it cannot be had, which is said."""
    if _had(engine, GRAFANA):
        return GRAFANA
    note(f"{GRAFANA} cannot be pulled: there will be no Grafana; all else works")
    return ""


def forget(engine: Engine) -> None:
    """Remove the image that was made, if there is one; BuildKit's cache makes it again at once."""
    engine.remove_image(_MADE)


def _had(engine: Engine, ref: str) -> bool:
    """Whether the engine has an image, now or after a pull."""
    if engine.image(ref):
        return True
    try:
        process.run(["docker", "pull", "--quiet", ref], timeout=_PULL_SECONDS)
    except ProcessFailed:
        return False
    return True


def _build(dockerfile: Path, sources: Sources) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch, "apt.sh")
        script.touch(mode=0o600)
        script.write_text(sources.apt, encoding="utf-8")
        context = Path(scratch, "context")
        context.mkdir()
        argv = ["docker", "buildx", "build", f"--file={dockerfile}", f"--tag={_MADE}"]
        argv += [f"--build-arg=PARENT={_PARENT}", f"--label={KIND}=monitoring", "--load"]
        argv += ["--secret", f"id=apt,src={script}"]
        argv += ["--secret", f"id=ca,src={sources.ca}"] if sources.ca else []
        env = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0", "BUILDX_BUILDER": ""}
        try:
            process.run([*argv, str(context)], env=env, timeout=_BUILD_SECONDS)
        except ProcessFailed as failure:
            raise ClusterError(
                "Prometheus could not be installed from Debian's package",
                where=dockerfile.name,
                todo="see the last lines; or leave out --monitoring",
                detail=failure.completed.tail[-15:],
            ) from failure
