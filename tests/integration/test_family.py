"""The shipped family beyond its plain CPU cells: RLlib, GPUs, another Python, an image on an image,
through every gate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from factory import process
from factory.registry import Registry
from tests.integration.conftest import Checkout, make_checkout

pytestmark = [pytest.mark.engine, pytest.mark.long]

RLLIB, GPU = "ray-rl:2.60.0-py311-cpu-rllib", "ray-app:2.60.0-py313-gpu"


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One build with RLlib on a parent image, and one for GPUs on Python 3.13, released."""
    made = make_checkout(tmp_path_factory.mktemp("family"))
    made.invoke("release", "--only", RLLIB, "--only", GPU)
    yield made
    made.close()


def inside(family: Checkout, build: str, command: str) -> str:
    """What a Bash command prints in a build's image."""
    argv = ["docker", "run", "--rm", "--network=none", family.refs()[build], "bash", "-c", command]
    return process.run(argv).stdout.strip()


def verdict_of(family: Checkout, build: str, gate: str) -> Mapping[str, Any]:
    [record] = [one for one in family.json("status")["builds"] if one["id"] == build]
    verdict: Mapping[str, Any] = record["verdicts"][gate]
    return verdict


def checks_of(family: Checkout, build: str) -> dict[str, str]:
    return {
        check["name"]: check["status"] for check in verdict_of(family, build, "verify")["checks"]
    }


def test_the_child_of_a_parent_is_published_under_its_own_name(family: Checkout) -> None:
    digest = Registry().head(f"{family.registry}/ray-rl", "2.60.0-py311-cpu-rllib")
    assert digest
    assert "corridor" in inside(family, RLLIB, "ls /home/ray/app")
    assert "reviews" in inside(family, RLLIB, "ls /home/ray/app"), "the parent's is there too"


def test_rllib_was_proven_to_train_with_the_cpus_torch(family: Checkout) -> None:
    verdict = verdict_of(family, RLLIB, "verify")
    checks = checks_of(family, RLLIB)
    assert verdict["status"] == "pass"
    assert (checks["rllib-ppo"], checks["torch-flavour"]) == ("pass", "pass")
    assert {"cuda-runtime", "cuda-device"}.isdisjoint(checks)
    said = inside(family, RLLIB, "python -c 'import torch; print(torch.__version__)'")
    assert said.endswith("+cpu")
    assert "nvidia" not in inside(family, RLLIB, "uv pip freeze"), "no CUDA wheel in a cpu cell"


def test_the_parents_checks_ran_and_then_the_childs(family: Checkout) -> None:
    names = list(checks_of(family, RLLIB))
    assert names.index("own:batch-scoring") < names.index("own:corridor")


def test_a_gpu_image_is_partial_where_there_is_no_gpu_and_says_so(family: Checkout) -> None:
    verdict = verdict_of(family, GPU, "verify")
    assert (verdict["status"], verdict["partial"]) == ("partial", ["no NVIDIA runtime"])
    checks = checks_of(family, GPU)
    assert (checks["cuda-runtime"], checks["cuda-device"]) == ("pass", "skipped")
    assert {"rllib-ppo", "torch-flavour"}.isdisjoint(checks)
    assert Registry().head(f"{family.registry}/ray-app", "2.60.0-py313-gpu")


def test_a_gpu_image_has_one_cuda_runtime_and_says_what_it_needs(family: Checkout) -> None:
    found = inside(family, GPU, "find / -name 'libcudart.so.*' -not -type l 2>/dev/null; true")
    assert len(found.splitlines()) == 1
    assert inside(family, GPU, "ls /usr/local/cuda/lib") != ""
    argv = ["docker", "image", "inspect", family.refs()[GPU], "--format", "{{json .Config}}"]
    config = json.loads(process.run(argv).stdout)
    environment = dict(item.split("=", 1) for item in config["Env"])
    assert environment["CUDA_VERSION"] == "13.0"
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert environment["NVIDIA_REQUIRE_CUDA"] == "cuda>=13.0"
    assert config["Labels"]["io.ray-image-factory.nvidia-driver"] == "580.65.06"
    assert config["Labels"]["com.nvidia.cuda.version"] == "13.0"


def test_the_other_python_is_the_one_that_the_cell_names(family: Checkout) -> None:
    assert inside(family, GPU, "python --version").startswith("Python 3.13.")
    assert "trixie" in inside(family, GPU, "cat /etc/os-release")


def test_no_image_remembers_where_its_debian_came_from(family: Checkout) -> None:
    """apt is left with what Debian itself gives as its example, and nothing of this host's."""
    examples = "/usr/share/doc/apt/examples"
    old, new = "sources.list", "sources.list.d/debian.sources"
    assert inside(family, RLLIB, f"cmp {examples}/sources.list /etc/apt/{old} && echo") == ""
    assert inside(family, GPU, f"cmp {examples}/debian.sources /etc/apt/{new} && echo") == ""
    assert inside(
        family, GPU, f"test ! -e /etc/apt/{old} && ls /etc/apt/sources.list.d"
    ).split() == ["debian.sources"]
