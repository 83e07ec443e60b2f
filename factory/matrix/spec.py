"""``matrix.yaml`` → ``Matrix``."""

from __future__ import annotations

from collections.abc import Callable

from factory.errors import ConfigError
from factory.matrix.cells import span
from factory.matrix.cohorts import cohorts
from factory.matrix.document import Document, parse
from factory.matrix.policy import scan_policy
from factory.matrix.schema import MatrixSpec, TorchSpec
from factory.matrix.targets import targets
from factory.matrix.validate import validate
from factory.model import (
    Base,
    Budget,
    Cuda,
    Device,
    Matrix,
    Signing,
    Torch,
)


def parse_matrix(
    text: str, *, name: str = "matrix.yaml", registry: str
) -> tuple[Matrix, tuple[str, ...] | None, Callable[[int], str]]:
    """Validate and span a matrix.

    Args:
        text: the file's content.
        name: the file's name, for messages.
        registry: ``host:port`` of the local registry.

    Returns:
        The matrix; the images it asks for (``None``: all there are); and a function that gives the
        place of the n-th of them, for the error when one does not exist.

    Raises:
        ConfigError: anything in it is wrong, with file, line and column.
    """
    document = parse(text, name)
    spec = validate(document, MatrixSpec)
    spanned = span(spec, document)
    packages = spec.base.packages
    matrix = Matrix(
        cells=spanned.cells,
        excluded=spanned.excluded,
        latest=spanned.latest,
        base=Base(
            source=spec.base.source,
            epoch=spec.base.epoch,
            mirror=spec.base.mirror,
            extras=tuple(packages.extras),
            wheel=packages.wheel,
        ),
        devices=_devices(spec, document),
        runtime_apt=tuple(spec.runtime.apt),
        targets=targets(spec, document, registry, spanned.latest),
        scan=scan_policy(spec, document),
        workers=spec.verify.workers,
        suite=spec.verify.suite,
        cohorts=cohorts(spec, document, spanned.cells),
        evidence=Signing(
            key=spec.evidence.sign.key if spec.evidence.sign else None,
            trust=tuple(spec.evidence.trust),
            max_age_days=spec.evidence.max_age_days,
        ),
        cold_start=Budget(
            full=spec.verify.cold_start.full, throttled=spec.verify.cold_start.throttled
        ),
        together=spec.release.together,
    )
    images = None if spec.images is None else tuple(spec.images)
    return matrix, images, lambda at: document.where(("images", at))


def _devices(spec: MatrixSpec, document: Document) -> dict[str, Device]:
    gpu = spec.devices.gpu
    cuda = Cuda(name=gpu.cuda) if gpu else None
    devices = {"cpu": Device(torch=_torch(spec.devices.cpu.torch))}
    if gpu:
        devices["gpu"] = Device(cuda=cuda, torch=_torch(gpu.torch))
    for name, device in devices.items():
        wrong = _wrong_flavour(device)
        if wrong:
            raise ConfigError(
                wrong[0], where=document.where(("devices", name, "torch", "version")), todo=wrong[1]
            )
    return devices


def _torch(spec: TorchSpec | None) -> Torch | None:
    if spec is None:
        return None
    return Torch(version=spec.version, index=spec.index, find_links=spec.find_links)


def _wrong_flavour(device: Device) -> tuple[str, str] | None:
    """Why a torch does not fit its device, and what to do. On x86-64 PyPI's own torch, which has
    no flavour in its version, is a CUDA build."""
    if device.torch is None:
        return None
    version, _, flavour = device.torch.version.partition("+")
    if device.cuda is None and flavour != "cpu":
        return (
            f"torch {device.torch.version} is a CUDA build, and this is the cpu device",
            f'write "{version}+cpu", and name an index or a folder that has it',
        )
    if device.cuda and flavour not in ("", device.cuda.platform):
        return (
            f"torch {device.torch.version} does not fit {device.cuda.name}",
            f'write "{version}+{device.cuda.platform}", or "{version}" for the one on PyPI',
        )
    return None
