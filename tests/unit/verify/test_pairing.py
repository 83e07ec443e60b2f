"""Two images held against each other before they are booted together, behind a `docker` of ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from factory.model import Cell, Check, CheckStatus, Status, pair_digest
from factory.verify import ClusterRequest, Workers, bare, basis, pairing
from factory.verify.pairing import CHECKS, Reader, compared
from factory.verify.selection import Selection
from factory.verify.smoke.protocol import Expected
from factory.verify.smoke.suite import FULL, LEVELS
from factory.verify.verdict import conclude

HAS = {"ray": "2.60.0", "python": "3.11.2", "cloudpickle": "3.1.1", "numpy": "2.4.0"}
REQUEST = ClusterRequest(
    subject="ray-app:2.60.0-py311-gpu+2.60.0-py311-cpu",
    config_digest="sha256:" + "a" * 64,
    head_ref="head",
    worker_ref="workers",
    cell=Cell(python="3.11", ray="2.60.0", device="gpu"),
    cuda="13.0",
    compose_file=Path("cluster.yaml"),
    mixed=Workers(
        config_digest="sha256:" + "b" * 64, cell=Cell(python="3.11", ray="2.60.0", device="cpu")
    ),
)


def failures(**workers: str) -> dict[str, str]:
    found = compared(HAS, {**HAS, **workers})
    assert [check.name for check in found] == list(CHECKS)
    return {check.name: check.reason for check in found if check.status is CheckStatus.FAIL}


def test_equal_inventories_pass() -> None:
    assert failures() == {}


@pytest.mark.parametrize(
    ("workers", "check", "why"),
    [
        ({"ray": "2.55.1"}, "pair-ray", "Ray is 2.60.0 on the head and 2.55.1 on the workers"),
        (
            {"python": "3.11.9"},
            "pair-python",
            "Python is 3.11.2 on the head and 3.11.9 on the workers",
        ),
        (
            {"numpy": "2.3.0", "cloudpickle": "3.0.0"},
            "pair-serialization",
            "cloudpickle is 3.1.1 on the head and 3.0.0 on the workers; "
            "numpy is 2.4.0 on the head and 2.3.0 on the workers",
        ),
        (
            {"pandas": "3.1.1"},
            "pair-serialization",
            "pandas is none on the head and 3.1.1 on the workers",
        ),
    ],
    ids=["ray", "python", "serialization", "missing"],
)
def test_what_differs_fails_by_name_with_both_versions(
    workers: dict[str, str], check: str, why: str
) -> None:
    assert failures(**workers) == {check: why}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the program `docker`: what the Python of an image does, by the image's name."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(bare, "PYTHON", (sys.executable, "-I", "-S", "-"))

    def make(instead: str) -> None:
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            "if sys.argv[1] != 'run':\n    sys.exit()\n"
            f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
            "at = sys.argv.index('bash')\n"
            "image, arguments = sys.argv[at - 1], sys.argv[at:]\n"
            f"{instead}\n"
            "os.execvp('bash', arguments)\n"
        )
        program.chmod(0o755)

    return make


RAY = """
folder = {folder!r} + '/' + image
os.makedirs(folder + '/ray', exist_ok=True)
open(folder + '/ray/__init__.py', 'w').write('__version__ = "2.60.0"')
version = '3.1.1' if {same} else image
open(folder + '/ray/cloudpickle.py', 'w').write('__version__ = ' + repr(version))
os.environ['PYTHONPATH'] = folder
"""
"""A Ray for each image, whose cloudpickle may differ."""


BROKEN_RAY = """
folder = os.path.dirname(sys.argv[0]) + '/broken'
os.makedirs(folder, exist_ok=True)
open(folder + '/ray.py', 'w').write('raise RuntimeError("no licence for it")')
os.environ['PYTHONPATH'] = folder
"""


def read(tmp_path: Path) -> tuple[tuple[Check, ...], list[str]]:
    said: list[str] = []
    reader = Reader(request=REQUEST, run_id="run", folder=tmp_path / "inventories")
    return reader.checks(said.append), said


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text())


def test_images_are_read_in_a_container_each_and_remembered_by_digest(
    docker: Callable[[str], None], tmp_path: Path
) -> None:
    docker(RAY.format(folder=str(tmp_path), same=True))
    found, said = read(tmp_path)
    assert [(check.name, check.status) for check in found] == [
        (name, CheckStatus.PASS) for name in CHECKS
    ]
    assert said[0].startswith("pair-ray pass")
    assert runs(tmp_path) == 2
    assert read(tmp_path)[0] == found
    assert runs(tmp_path) == 2
    (file, _) = sorted((tmp_path / "inventories").iterdir())
    assert file.name.startswith("a" * 64)
    assert json.loads(file.read_text())["ray"] == "2.60.0"


def test_what_is_remembered_and_cannot_be_read_is_read_again(
    docker: Callable[[str], None], tmp_path: Path
) -> None:
    docker(RAY.format(folder=str(tmp_path), same=True))
    found, _ = read(tmp_path)
    for file in (tmp_path / "inventories").iterdir():
        file.write_text("{}")
    assert read(tmp_path)[0] == found
    assert runs(tmp_path) == 4


def test_images_that_contradict_each_other_are_told_apart(
    docker: Callable[[str], None], tmp_path: Path
) -> None:
    docker(RAY.format(folder=str(tmp_path), same=False))
    found, _ = read(tmp_path)
    reasons = {check.name: check.reason for check in found if check.reason}
    assert reasons == {
        "pair-serialization": "cloudpickle is head on the head and workers on the workers"
    }


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        ("sys.stderr.write('no room for it\\n'); sys.exit(3)", "no room for it"),
        (BROKEN_RAY, "RuntimeError: no licence for it"),
    ],
    ids=["ends", "no ray"],
)
def test_an_image_that_does_not_tell_fails_with_its_last_words(
    docker: Callable[[str], None], tmp_path: Path, instead: str, says: str
) -> None:
    docker(instead)
    (check,), _ = read(tmp_path)
    assert (check.name, check.status) == ("pair-ray", CheckStatus.FAIL)
    assert check.reason.startswith("the image of the head does not tell its versions: ")
    assert says in check.reason
    assert not list(tmp_path.glob("inventories/*"))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"ray": "1"}', "[" * 10**5])
def test_what_is_no_inventory_is_none(text: str) -> None:
    assert pairing._parsed(text) is None


# ----------------------------------------------------- what a pair is asked, and bound to


def test_the_verdict_is_bound_to_both_images_each_in_its_role() -> None:
    checks = (Check(name="boot", status=CheckStatus.PASS),)
    made = conclude(REQUEST, basis="b", checks=checks, seconds=1.0, at="now")
    head, workers = REQUEST.config_digest, "sha256:" + "b" * 64
    assert made.status is Status.PASS
    assert made.images == (head, workers)
    assert made.config_digest == pair_digest(head, workers)
    assert len({head, workers, pair_digest(head, workers), pair_digest(workers, head)}) == 4


def test_another_image_of_the_workers_is_another_basis(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("services: {}\n")
    request = replace(REQUEST, compose_file=tmp_path / "cluster.yaml")
    assert request.mixed
    other = replace(request.mixed, config_digest="sha256:" + "c" * 64)
    bases = {
        basis(changed)
        for changed in (
            request,
            replace(request, mixed=other),
            replace(request, mixed=None),
            replace(request, workers=3),
        )
    }
    assert len(bases) == 4


def test_each_node_is_held_against_the_image_that_it_is_of() -> None:
    expected = REQUEST.expected
    assert expected.of(worker=False).cuda == "13.0"
    assert (expected.of(worker=True).device, expected.of(worker=True).cuda) == ("cpu", None)
    alone = replace(REQUEST, mixed=None).expected
    assert alone.of(worker=True) is alone
    assert Expected.read(json.loads(json.dumps({**vars(alone)}))) == alone


def test_a_pair_is_asked_for_serialization_in_every_suite_that_boots_and_for_no_contract() -> None:
    found = {suite: Selection.of(REQUEST.expected, (), gpus=False, suite=suite) for suite in LEVELS}
    assert found["contract"].names == ()
    assert all(one.contract == () for one in found.values())
    assert "serialization" in found["quick"].names
    assert "cuda-runtime" in found["quick"].names
    assert set(found["quick"].names) < set(found[FULL].names)
    assert [check.name for check in found["quick"].skipped] == ["cuda-device"]


@pytest.mark.parametrize(
    ("head", "workers", "files"),
    [
        ("gpu", "cpu", ["cluster.yaml", "gpu-head.yaml"]),
        ("cpu", "gpu", ["cluster.yaml", "gpu.yaml"]),
        ("cpu", "cpu", ["cluster.yaml"]),
    ],
)
def test_gpus_go_to_the_nodes_whose_image_is_for_them(
    head: str, workers: str, files: list[str]
) -> None:
    assert REQUEST.mixed
    request = replace(
        REQUEST,
        cell=replace(REQUEST.cell, device=head),
        mixed=replace(REQUEST.mixed, cell=replace(REQUEST.cell, device=workers)),
        nvidia_runtime=True,
    )
    assert [path.name for path in request.compose_files] == files
    assert request.gpus is (len(files) > 1)
