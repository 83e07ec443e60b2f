"""What an image is that nobody describes: what it says is data, and what nobody says is unknown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.engine import EngineImage
from factory.errors import VerifyError
from factory.model import Cell, Facts
from factory.verify import ClusterRequest, facts
from factory.verify.facts import facts_of, told
from factory.verify.smoke import found

ANSWERS = {
    "python": "3.11", "ray": "2.60.0", "has_ray": True, "torch": True, "extras": ["data", "rllib"]
}  # fmt: skip  # as the image gives it
RAY = "io.ray.ray-version"


def test_labels_go_before_what_the_image_answers() -> None:
    labels = {RAY: "2.61.0", "io.ray.python-version": "3.12.4", "io.ray.device": "gpu"}
    assert told(labels, {"CUDA_VERSION": "12.8.1"}, ANSWERS) == Facts(
        ray="2.61.0", python="3.12", device="gpu", cuda="12.8", torch=True, extras=("data", "rllib")
    )


def test_without_labels_it_is_what_it_was_found_to_be() -> None:
    assert told({}, {}, ANSWERS) == Facts(
        ray="2.60.0", python="3.11", torch=True, extras=("data", "rllib")
    )


def test_a_version_longer_than_any_is_unknown() -> None:
    assert told({RAY: "2." + "9" * 5000}, {}, {}).ray == ""


def test_what_nobody_says_is_unknown() -> None:
    assert told({}, {}, {}) == Facts()


@pytest.mark.parametrize(
    ("labels", "variables", "device", "cuda"),
    [
        ({}, {"CUDA_VERSION": "12.1.1"}, "gpu", "12.1"),
        ({"io.ray.device": "gpu"}, {}, "gpu", None),
        ({"io.ray.device": "cpu"}, {"CUDA_VERSION": "12.1.1"}, "cpu", None),
        ({"io.ray.device": "tpu"}, {}, "cpu", None),
        ({}, {"CUDA_VERSION": "latest"}, "gpu", None),
    ],
    ids=["by its CUDA", "by its label", "the label wins", "another", "no version"],
)
def test_an_image_is_for_gpus_where_its_label_or_its_cuda_says_so(
    labels: dict[str, str], variables: dict[str, str], device: str, cuda: str | None
) -> None:
    found_ = told(labels, variables, ANSWERS)
    assert (found_.device, found_.cuda) == (device, cuda)


@pytest.mark.parametrize(
    "answers",
    [
        {"ray": "\x1b[2J", "python": 3, "torch": "yes", "extras": "data"},
        {"ray": ["2.60.0"], "python": None, "torch": 1, "extras": {"data": 1}},
        {"ray": "2.60.0; rm", "python": "three", "extras": ["DATA", "x" * 1000, None, 7]},
    ],
    ids=["controls", "types", "words"],
)
def test_an_image_may_answer_anything(answers: dict[str, object]) -> None:
    assert told({}, {}, answers) == Facts()


@pytest.mark.parametrize(
    ("torch", "extras", "rllib"),
    [(True, ("rllib",), True), (True, ("data",), False), (False, ("rllib",), False)],
)
def test_rllib_trains_where_both_it_and_torch_are(
    torch: bool, extras: tuple[str, ...], rllib: bool
) -> None:
    assert Facts(torch=torch, extras=extras).rllib is rllib


def test_an_extra_is_there_if_all_that_it_requires_is() -> None:
    assert found.installed(
        [
            "click>=7.0",
            "pytest>=1; extra == 'data'",
            'pluggy>=1.3; sys_platform != "darwin" and extra == "data"',
            'pytest; extra == "serve"',
            'no-such-package; extra == "serve"',
            'pytest; extra == "serve-grpc"',
        ]
    ) == ["data"]


def test_it_can_be_told_from_a_bare_python() -> None:
    """And the source says it alone, since it is sent by itself."""
    said = found.found()
    assert said["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert set(said) == {"python", "ray", "has_ray", "torch", "extras"}
    assert "from ." not in Path(found.__file__).read_text("utf-8")


# ------------------------------------------------------- behind a `docker` of ours


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the program `docker`: what it does in place of `run`."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(facts, "_INTERPRETER", (sys.executable, "-I", "-S", "-"))

    def make(instead: str) -> None:
        rest = "import os, sys\nif sys.argv[1] != 'run':\n    sys.exit()\n"
        program.write_text(f"#!{sys.executable}\n{rest}{instead}")
        program.chmod(0o755)

    return make


BASH = 'arguments = sys.argv[sys.argv.index("bash"):]\nos.execvp("bash", arguments)\n'


def asked(labels: dict[str, str]) -> Facts:
    image = EngineImage(
        id="sha256:1", tags=(), user="", env=("PATH=/bin", "CUDA_VERSION=13.0"), labels=labels,
        entrypoint=(), command=(), architecture="amd64", size=1,
    )  # fmt: skip  # as the engine gives it
    request = ClusterRequest(
        subject="my/ray:1",
        config_digest="sha256:" + "a" * 64,
        head_ref="sha256:1",
        worker_ref="sha256:1",
        cell=Cell(python="", ray="", device="cpu"),
        compose_file=Path("cluster.yaml"),
    )
    return facts_of(image, request, run_id="run")


def test_an_image_is_asked_in_a_container_of_its_own(docker: Callable[[str], None]) -> None:
    docker(BASH)
    answer = asked({RAY: "2.60.0"})
    assert (answer.ray, answer.device, answer.cuda) == ("2.60.0", "gpu", "13.0")
    assert answer.python == f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("instead", "why"),
    [(BASH, "no Ray is found"), ("pass", "ENTRYPOINT"), ("print(*sys.argv)", "ENTRYPOINT")],
    ids=["no ray", "says nothing", "echoes"],
)
def test_an_image_that_neither_says_nor_has_ray_is_none(
    docker: Callable[[str], None], instead: str, why: str
) -> None:
    docker(instead)
    with pytest.raises(VerifyError, match="no Ray image") as refused:
        asked({})
    assert why in str(refused.value)


def test_a_labelled_image_that_cannot_be_asked_is_judged_all_the_same(
    docker: Callable[[str], None],
) -> None:
    """It fails by name there, as any other."""
    docker("sys.exit(3)")
    assert asked({RAY: "2.60.0"}) == Facts(ray="2.60.0", device="gpu", cuda="13.0")


def test_a_line_that_others_print_is_not_taken_for_the_answer(
    docker: Callable[[str], None],
) -> None:
    lie = json.dumps(ANSWERS)
    docker(f"print({lie!r}, flush=True)\n{BASH}")
    assert asked({RAY: "2.60.0"}).torch is False
