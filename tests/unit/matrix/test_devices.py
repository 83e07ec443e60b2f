"""What the matrix says of its devices: CUDA releases and torch's flavours."""

from __future__ import annotations

import pytest

from factory.errors import ConfigError, ConfigErrors
from factory.matrix import parse_matrix
from factory.model import Cuda, Device, Torch
from tests.conftest import MATRIX


def devices_of(text: str) -> dict[str, Device]:
    written = MATRIX.replace("base:\n", f"devices: {text}\nbase:\n")
    return dict(parse_matrix(written, registry="127.0.0.1:5000")[0].devices)


def test_a_cpu_needs_nothing_said() -> None:
    assert devices_of("{}") == {"cpu": Device()}


def test_a_gpu_has_a_cuda_release() -> None:
    cuda = devices_of("{gpu: {cuda: cuda128}}")["gpu"].cuda
    assert cuda == Cuda(name="cuda128")
    assert (cuda.version, cuda.platform) == ("12.8", "cu128")
    assert cuda.requirement == "cuda-toolkit[cudart]==12.8.*"
    with pytest.raises(ConfigErrors, match="lacks cuda"):
        devices_of("{gpu: {}}")


def test_torch_may_come_from_an_index_or_a_folder() -> None:
    devices = devices_of(
        "{cpu: {torch: {version: 2.13.0+cpu, find_links: wheels}}, "
        "gpu: {cuda: cuda130, torch: {version: 2.13.0+cu130, index: 'https://w.example/cu130'}}}"
    )
    assert devices["cpu"].torch == Torch(version="2.13.0+cpu", find_links="wheels")
    assert devices["gpu"].torch == Torch(version="2.13.0+cu130", index="https://w.example/cu130")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{cpu: {torch: {version: 2.13.0}}}", "torch 2.13.0 is a CUDA build"),
        ("{cpu: {torch: {version: 2.13.0+cu130}}}", "is a CUDA build"),
        ("{gpu: {cuda: cuda130, torch: {version: 2.13.0+cpu}}}", "does not fit cuda130"),
        ("{gpu: {cuda: cuda130, torch: {version: 2.13.0+cu128}}}", "does not fit cuda130"),
    ],
)
def test_a_torch_of_another_flavour_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        devices_of(text)
    assert said in raised.value.what
    assert raised.value.where.startswith("matrix.yaml:")
    assert raised.value.todo


def test_a_plain_torch_excludes_the_cpu_build_that_counts_as_newer() -> None:
    assert Torch(version="2.13.0").requirement == "torch==2.13.0,!=2.13.0+cpu"
    assert Torch(version="2.13.0+cu130").requirement == "torch==2.13.0+cu130"
