"""What the shipped templates render, byte by byte, and that hadolint has nothing against it.

After a change of a template that is meant, look at what it changes and keep it:

    FACTORY_UPDATE_GOLDEN=1 pytest tests/unit/render
    git diff tests/unit/render/golden
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from factory import process
from factory.context import LEFT_OUT
from factory.lint import lint_files
from factory.model import Selection
from factory.pipeline import render_files
from factory.settings import Settings
from tests.conftest import IMAGE, MATRIX, ROOT
from tests.unit.plan.projects import FILES, chain, locked, plan_of, project_of

GOLDEN = Path(__file__).parent / "golden"
WHEEL = "wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl"
PLAIN = "description: Does nothing\n"
RICH = IMAGE + (
    "apt: [git, g++=4:12.2.0-3]\n"
    "env: {OMP_NUM_THREADS: '1', PATHS: '/a:/b', MESSAGE: 'two words'}\n"
)
INSTALL = (
    "description: Compiles\ninstall: {script: install.sh, apt: [gcc], secrets: [LICENCE]}\n"
    "requirements: requirements.txt\n"
)
CODE = "source: {git: 'https://code.example/app.git', ref: main, folder: src, token: CODE_TOKEN}\n"
COMMIT = {"https://code.example/app.git#main": "c" * 40}
HUB = {
    "docker.io/rayproject/ray:2.60.0-py311-cpu": f"sha256:{'d' * 64}",
    "docker.io/rayproject/ray:2.60.0-py311-cu130": f"sha256:{'e' * 64}",
}
FAMILY = """\
axes: {python: ["3.11"], ray: ["2.60.0"], device: [cpu, gpu], rllib: [true]}
devices:
  cpu: {torch: {version: 2.13.0+cpu, index: "https://wheels.example/cpu"}}
  gpu: {cuda: cuda130, torch: {version: 2.13.0}}
base: {source: packages, epoch: "2026-11"}
targets: {local: {kind: local}}
"""
EXTRAS = '"2026-11"\n  packages: {extras: [default, serve]}\nruntime: {apt: [procps, libjemalloc2]}'
PROJECTS = {
    "plain": project_of(images={"demo": PLAIN}),
    "rich": project_of(MATRIX.replace('"2026-11"', EXTRAS), images={"demo": RICH}),
    "wheel": project_of(
        MATRIX.replace('"2026-11"', f'"2026-11"\n  packages: {{wheel: {WHEEL}}}').replace(
            ', "2.55.1"', ""
        ),
        digests=FILES | {WHEEL: "4" * 64},
    ),
    "axis": project_of(
        MATRIX.replace("axes:\n", "axes:\n  flavour: [spicy]\n").replace(', "2.55.1"', ""),
        images={"demo": IMAGE + "overrides: [{when: {flavour: spicy}, apt: [curl]}]\n"},
    ),
    "install": project_of(
        images={"demo": INSTALL + CODE}, digests=FILES | {"images/demo/install.sh": "5" * 64}
    ),
    "git": project_of(images={"demo": "description: Fetched\n" + CODE}),
    "child": project_of(images={"demo": IMAGE, "kid": "description: More\nparent: demo\n"}),
    "family": project_of(FAMILY, images={"demo": PLAIN}),
    "wheels": project_of(
        FAMILY.replace('index: "https://wheels.example/cpu"', "find_links: wheels/torch"),
        images={"demo": PLAIN},
        digests=FILES | {"wheels/torch": "6" * 64},
    ),
    "upstream": project_of(FAMILY.replace("packages", "registry"), images={"demo": PLAIN}),
}
PROJECTS |= {
    f"locked-{name}": locked(PROJECTS[name])
    for name in ("plain", "rich", "wheel", "install", "family", "wheels")
}
PLANS = {name: plan_of(project, COMMIT | HUB) for name, project in PROJECTS.items()}
CASES = {
    **{
        f"{name}-{kind}": (name, 0, kind)
        for name in ("plain", "rich", "wheel", "axis")
        for kind in ("base", "runtime", "app")
    },
    "install-app": ("install", 0, "app"),
    "git-app": ("git", 0, "app"),
    "child-app": ("child", -1, "app"),
    "cpu-rllib": ("family", 0, "rllib"),
    "gpu-cuda": ("family", 1, "cuda"),
    "gpu-rllib": ("family", 1, "rllib"),
    "wheels-rllib": ("wheels", 0, "rllib"),
    "locked-base": ("locked-plain", 0, "base"),
    "locked-app": ("locked-rich", 0, "app"),
    "locked-wheel-base": ("locked-wheel", 0, "base"),
    "locked-install-app": ("locked-install", 0, "app"),
    "locked-rllib": ("locked-family", 0, "rllib"),
    "locked-gpu-cuda": ("locked-family", 1, "cuda"),
    "locked-gpu-rllib": ("locked-family", 1, "rllib"),
    "locked-wheels-rllib": ("locked-wheels", 0, "rllib"),
    "upstream-cpu-base": ("upstream", 0, "base"),
    "upstream-gpu-base": ("upstream", 1, "base"),
    "upstream-gpu-rllib": ("upstream", 1, "rllib"),
}
"""Name of a golden file to project, build and kind of step."""


def rendered(case: str) -> str:
    name, at, kind = CASES[case]
    return chain(PLANS[name], at)[kind].dockerfile


@pytest.mark.parametrize("case", CASES)
def test_rendered_text_is_as_it_was_looked_at(case: str) -> None:
    text = rendered(case)
    golden = GOLDEN / f"{case}.Dockerfile"
    if os.environ.get("FACTORY_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text(), "if this is meant, see this module's docstring"


def test_no_golden_file_is_left_over() -> None:
    expected = {f"{case}.Dockerfile" for case in CASES}
    assert {path.name for path in GOLDEN.iterdir()} == expected


@pytest.mark.parametrize("case", CASES)
def test_every_rendered_file_keeps_what_clusters_rely_on(case: str) -> None:
    text = rendered(case)
    instructions = [line.split()[0] for line in text.splitlines() if line[:1].isupper()]
    assert "ENTRYPOINT" not in instructions, "one that swallows arguments breaks `ray up`, KubeRay"
    assert "chown -R" not in text
    assert "# syntax=" not in text, "it would be fetched from Docker Hub"
    users = [line for line in text.splitlines() if line.startswith("USER ")]
    assert not users or users[-1] == "USER 1000"
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert text.endswith("\n")


@pytest.fixture(scope="session")
def hadolint() -> None:
    if process.find_tool("hadolint") is None:
        pytest.skip("hadolint is not installed: it is in the `tools` extra, pinned")


@pytest.mark.usefixtures("hadolint")
def test_hadolint_has_nothing_against_what_the_shipped_matrix_renders(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    for name in ("images", "dockerfiles"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in ("matrix.yaml", ".hadolint.yaml"):
        shutil.copy(ROOT / name, root)
    paths = render_files(Settings.from_environment({"FACTORY_ROOT": str(root)}), Selection())
    assert len(paths) >= 6
    assert lint_files(root, paths) == []


@pytest.mark.usefixtures("hadolint")
def test_nor_against_any_golden_file() -> None:
    assert lint_files(ROOT, sorted(GOLDEN.iterdir())) == []


@pytest.mark.usefixtures("hadolint")
def test_hadolint_does_object_where_there_is_something_to_object_to(tmp_path: Path) -> None:
    bad = tmp_path.resolve() / "Dockerfile"
    bad.write_text("FROM debian:latest\nRUN sudo apt-get install vim\n")
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3008]\n")
    found = lint_files(bad.parent, [bad])
    assert any(line.startswith("Dockerfile:1: DL3007: ") for line in found)
    assert any(": DL3004: " in line for line in found)
    assert not any("DL3008" in line for line in found), "the project's own rules hold"
