"""The chains of a whole family: what is shared, what changes a key, and what is not known yet."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from factory.model import Plan, Read, Step
from factory.project import load
from factory.settings import Settings
from tests.conftest import IMAGE, ROOT
from tests.unit.plan.projects import FILES, plan_of, project_of

WIDE = """\
axes:
  python: ["3.11"]
  ray: ["2.60.0"]
  device: [cpu, gpu]
  rllib: [false, true]
devices:
  cpu: {torch: {version: "2.13.0+cpu"}}
  gpu: {cuda: cuda130, torch: {version: "2.13.0"}}
base: {source: packages, epoch: "2026-11"}
targets: {local: {kind: local}}
"""
PLAIN, CPU_RLLIB, GPU, GPU_RLLIB = "cpu", "cpu-rllib", "gpu", "gpu-rllib"
UPSTREAM = WIDE.replace("source: packages", "source: registry")
CHILD = "description: C\nparent: demo\n"
CODE = "https://code.example/app.git"
GIT = f"description: G\nsource: {{git: {CODE}, ref: main, folder: src}}\n"
DIGEST, MOVED = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT, NEXT = "c" * 40, "d" * 40
CPU_TAG = "docker.io/rayproject/ray:2.60.0-py311-cpu"
GPU_TAG = "docker.io/rayproject/ray:2.60.0-py311-cu130"


def family(
    matrix: str = WIDE,
    images: Mapping[str, str] | None = None,
    pins: Mapping[str, str] = MappingProxyType({}),
    changed: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    files = {**FILES, "wheels": "4" * 64, "images/child/app": "5" * 64}
    files |= {"images/demo/install.sh": "6" * 64, "images/other/app": "7" * 64}
    return plan_of(project_of(matrix, images, digests={**files, **changed}), pins)


def steps(plan: Plan, cell: str, image: str = "demo") -> list[Step]:
    [planned] = [one for one in plan.builds if one.build.id == f"{image}:2.60.0-py311-{cell}"]
    return [plan.steps[key] for key in planned.steps]


def names(plan: Plan, cell: str, image: str = "demo") -> list[str]:
    return [step.name for step in steps(plan, cell, image)]


def changed(before: Plan, after: Plan, cell: str, image: str = "demo") -> list[str]:
    """The steps of a build that have another key, by name."""
    pairs = zip(steps(before, cell, image), steps(after, cell, image), strict=True)
    return [one.name for one, other in pairs if one.key != other.key]


def shared(plan: Plan, cell: str, other: str) -> list[str]:
    mine, theirs = steps(plan, cell), steps(plan, other)
    return [step.name for step in mine if step in theirs]


# ------------------------------------------------------------------- chains


@pytest.mark.parametrize(
    ("cell", "chain"),
    [
        (PLAIN, ["base", "runtime", "demo"]),
        (CPU_RLLIB, ["base", "runtime", "rllib", "demo"]),
        (GPU, ["base", "runtime", "cuda", "demo"]),
        (GPU_RLLIB, ["base", "runtime", "rllib", "cuda", "demo"]),
    ],
)
def test_a_cell_on_packages_has_the_steps_that_it_needs(cell: str, chain: list[str]) -> None:
    assert names(family(), cell) == chain


@pytest.mark.parametrize("cell", [PLAIN, GPU])
def test_an_upstream_gpu_base_has_its_own_cuda(cell: str) -> None:
    plan = family(UPSTREAM)
    assert names(plan, cell) == ["base", "runtime", "demo"]
    assert names(plan, f"{cell}-rllib") == ["base", "runtime", "rllib", "demo"]


def test_what_cells_have_in_common_is_one_step() -> None:
    plan = family()
    for cell in (CPU_RLLIB, GPU, GPU_RLLIB):
        assert shared(plan, PLAIN, cell) == ["base", "runtime"]
    assert shared(plan, GPU, GPU_RLLIB) == ["base", "runtime"]
    assert len(plan.steps) == 2 + 2 + 2 + 4, "base and runtime; rllib; cuda; the application"


def test_devices_share_no_upstream_base() -> None:
    plan = family(UPSTREAM, pins={CPU_TAG: DIGEST, GPU_TAG: MOVED})
    assert shared(plan, PLAIN, CPU_RLLIB) == ["base", "runtime"]
    assert shared(plan, PLAIN, GPU) == []


# --------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("old", "new", "cell", "expected"),
    [
        ("cuda130", "cuda128", GPU, ["cuda", "demo"]),
        ("cuda130", "cuda128", GPU_RLLIB, ["rllib", "cuda", "demo"]),
        ("cuda130", "cuda128", PLAIN, []),
        ("2.13.0+cpu", "2.12.0+cpu", CPU_RLLIB, ["rllib", "demo"]),
        ("2.13.0+cpu", "2.12.0+cpu", PLAIN, []),
        ("2.13.0+cpu", "2.12.0+cpu", GPU_RLLIB, []),
        ('version: "2.13.0"}', 'version: "2.12.0"}', GPU_RLLIB, ["rllib", "cuda", "demo"]),
        ('version: "2.13.0"}', 'version: "2.12.0"}', GPU, []),
        ('+cpu"}', '+cpu", index: "https://w.example/cpu"}', CPU_RLLIB, ["rllib", "demo"]),
        ('+cpu"}', '+cpu", find_links: wheels}', CPU_RLLIB, ["rllib", "demo"]),
        ('epoch: "2026-11"', 'epoch: "2026-12"', GPU, ["base", "runtime", "cuda", "demo"]),
        ('epoch: "2026-11"', 'epoch: "2026-11", mirror: m.example', GPU, []),
    ],
)
def test_a_change_of_the_matrix_changes_what_it_is_about(
    old: str, new: str, cell: str, expected: list[str]
) -> None:
    assert WIDE.count(old) == 1
    after = family(WIDE.replace(old, new))
    assert changed(family(), after, cell) == expected


def test_a_folder_of_torch_is_read_by_its_step_alone() -> None:
    matrix = WIDE.replace('+cpu"}', '+cpu", find_links: wheels}')
    plan = family(matrix)
    assert changed(plan, family(matrix, changed={"wheels": "9" * 64}), CPU_RLLIB) == [
        "rllib",
        "demo",
    ]
    assert changed(plan, family(matrix, changed={"wheels": "9" * 64}), PLAIN) == []
    [rllib] = [step for step in steps(plan, CPU_RLLIB) if step.name == "rllib"]
    assert rllib.contexts == (("torch", "wheels"),)
    assert rllib.reads == (Read(context="torch", path="."),)
    assert rllib.wheels
    assert rllib.wheels.find_links == "wheels"


def test_what_a_step_installs_is_asked_for_before() -> None:
    plan = family()
    asked = {step.name: step.wheels.requirements for step in plan.steps.values() if step.wheels}
    assert asked["base"] == ("ray==2.60.0",)
    assert asked["cuda"] == ("cuda-toolkit[cudart]==13.0.*",)
    found = {
        step.wheels.requirements
        for step in plan.steps.values()
        if step.name == "rllib" and step.wheels
    }
    assert found == {
        ("torch==2.13.0+cpu",),
        ("torch==2.13.0,!=2.13.0+cpu", "cuda-toolkit[cudart]==13.0.*"),
    }
    upstream = family(UPSTREAM, pins={CPU_TAG: DIGEST, GPU_TAG: DIGEST})
    assert {step.name for step in upstream.steps.values() if step.wheels} == {"rllib"}


# ------------------------------------------------------------------ parents


def test_a_child_stands_on_its_parents_application() -> None:
    plan = family(images={"demo": IMAGE, "child": CHILD})
    assert names(plan, PLAIN, "child") == ["base", "runtime", "demo", "child"]
    assert steps(plan, PLAIN, "child")[:-1] == steps(plan, PLAIN)
    parent, child = steps(plan, PLAIN, "child")[-2:]
    assert f"\nFROM {parent.ref}\n" in child.dockerfile


def test_a_change_of_a_parent_is_one_of_its_children_and_not_the_other_way() -> None:
    images = {"demo": IMAGE, "child": CHILD + "source: app\n", "other": "description: O\n"}
    before = family(images=images)
    after = family(images=images, changed={"images/demo/app": "9" * 64})
    assert changed(before, after, PLAIN, "child") == ["demo", "child"]
    assert changed(before, after, PLAIN, "other") == []
    after = family(images=images, changed={"images/child/app": "9" * 64})
    assert changed(before, after, PLAIN, "child") == ["child"]
    assert changed(before, after, PLAIN) == []


def test_a_parents_override_is_its_childs_too() -> None:
    override = "overrides: [{when: {device: gpu}, env: {MODE: fast}}]\n"
    before = family(images={"demo": IMAGE, "child": CHILD})
    after = family(images={"demo": IMAGE + override, "child": CHILD})
    assert changed(before, after, GPU, "child") == ["demo", "child"]
    assert changed(before, after, PLAIN, "child") == []


def test_a_child_is_built_where_all_that_it_stands_on_is() -> None:
    images = {
        "demo": IMAGE + "where: {device: gpu}\n",
        "child": CHILD + "where: {rllib: true}\n",
        "other": "description: O\n",
    }
    built = [planned.build.id for planned in family(images=images).builds]
    assert [name for name in built if name.startswith("child:")] == ["child:2.60.0-py311-gpu-rllib"]
    assert len([name for name in built if name.startswith("other:")]) == 4


# ------------------------------------------------- what the network has to say


def test_what_is_not_looked_up_is_unresolved_all_the_way_up() -> None:
    plan = family(UPSTREAM, {"demo": GIT, "child": CHILD})
    base, runtime, demo, child = steps(plan, PLAIN, "child")
    assert base.unresolved == runtime.unresolved == (CPU_TAG,)
    assert demo.unresolved == child.unresolved == (CPU_TAG, f"{CODE}#main")
    assert steps(plan, GPU)[0].unresolved == (GPU_TAG,)


def test_a_known_pin_resolves_what_stands_on_it_and_no_more() -> None:
    plan = family(UPSTREAM, {"demo": GIT}, {CPU_TAG: DIGEST})
    assert [step.unresolved for step in steps(plan, PLAIN)] == [(), (), (f"{CODE}#main",)]
    assert {step.unresolved for step in steps(plan, GPU)[:2]} == {(GPU_TAG,)}
    pins = {CPU_TAG: DIGEST, GPU_TAG: DIGEST, f"{CODE}#main": COMMIT}
    found = family(UPSTREAM, {"demo": GIT}, pins)
    assert {step.unresolved for step in found.steps.values()} == {()}


def test_a_base_is_named_by_its_digest() -> None:
    plan = family(UPSTREAM, pins={CPU_TAG: DIGEST, GPU_TAG: MOVED})
    assert f"\nFROM {CPU_TAG}@{DIGEST}\n" in steps(plan, PLAIN)[0].dockerfile
    assert f"\nFROM {GPU_TAG}@{MOVED}\n" in steps(plan, GPU)[0].dockerfile


def test_a_tag_that_moves_changes_what_stands_on_it() -> None:
    pins = {CPU_TAG: DIGEST, GPU_TAG: DIGEST}
    before, after = family(UPSTREAM, pins=pins), family(UPSTREAM, pins={**pins, CPU_TAG: MOVED})
    assert changed(before, after, PLAIN) == ["base", "runtime", "demo"]
    assert changed(before, after, GPU) == []
    assert family(UPSTREAM, pins={**pins, "unrelated": MOVED}) == before


def test_a_branch_that_moves_changes_the_application_alone() -> None:
    before = family(images={"demo": GIT}, pins={f"{CODE}#main": COMMIT})
    after = family(images={"demo": GIT}, pins={f"{CODE}#main": NEXT})
    assert changed(before, after, PLAIN) == ["demo"]
    assert f"{CODE}#{COMMIT}:src " in steps(before, PLAIN)[-1].dockerfile


def test_a_commit_needs_no_looking_up() -> None:
    plan = family(images={"demo": GIT.replace("main", COMMIT)})
    assert steps(plan, PLAIN)[-1].unresolved == ()
    assert f"{CODE}#{COMMIT}:src " in steps(plan, PLAIN)[-1].dockerfile


def test_a_token_is_a_secret_of_the_step_and_in_no_key() -> None:
    guarded = GIT.replace("ref: main", "ref: main, token: CODE_TOKEN")
    pins = {f"{CODE}#main": COMMIT}
    before, after = (family(images={"demo": text}, pins=pins) for text in (GIT, guarded))
    assert steps(after, PLAIN)[-1].secrets == (("GIT_AUTH_TOKEN", "CODE_TOKEN"),)
    assert changed(before, after, PLAIN) == []
    assert "CODE_TOKEN" not in steps(after, PLAIN)[-1].dockerfile


def test_a_script_is_read_by_its_step_and_names_its_secrets() -> None:
    script = IMAGE + "install: {script: install.sh, secrets: [LICENCE]}\n"
    plan = family(images={"demo": script})
    app = steps(plan, PLAIN)[-1]
    assert {read.path for read in app.reads} == {"app", "requirements.txt", "install.sh"}
    assert app.secrets == (("script-LICENCE", "LICENCE"),)
    after = family(images={"demo": script}, changed={"images/demo/install.sh": "9" * 64})
    assert changed(plan, after, PLAIN) == ["demo"]


def test_a_scripts_secret_takes_the_place_of_none_of_the_factorys() -> None:
    """BuildKit shows the secret GIT_AUTH_TOKEN to whatever host an ADD fetches from."""
    script = GIT + "install: {script: install.sh, secrets: [GIT_AUTH_TOKEN, pip, uv, apt, ca]}\n"
    app = steps(family(images={"demo": script}, pins={f"{CODE}#main": COMMIT}), PLAIN)[-1]
    assert all(name.startswith("script-") for name, _ in app.secrets)


def test_an_epoch_is_in_whatever_runs_something_and_in_its_text() -> None:
    """In the text too: BuildKit's cache knows nothing of our keys."""
    image = {"demo": IMAGE + "apt: [curl]\n", "child": CHILD}
    plan = family(UPSTREAM, image, {CPU_TAG: DIGEST, GPU_TAG: DIGEST})
    for step in steps(plan, PLAIN, "child"):
        runs = "\nRUN " in step.dockerfile
        assert runs == ("epoch" in dict(step.inputs)) == ("2026-11" in step.dockerfile), step.name
    assert {step.name for step in steps(plan, PLAIN, "child") if "epoch" in dict(step.inputs)} == {
        "base",
        "demo",
    }


# ------------------------------------------------------------------- shipped


def test_the_shipped_family_has_every_kind_of_cell() -> None:
    from factory.model import Selection
    from factory.pipeline import prepare

    settings = Settings.from_environment({"FACTORY_ROOT": str(ROOT), "HOME": "/nonexistent"})
    for selection in (
        Selection(variant="gpu"),
        Selection(variant="cpu"),
        Selection(rllib=True),
        Selection(rllib=False),
        Selection(python="3.13"),
        Selection(image="ray-rl"),
    ):
        assert prepare(settings, selection).plan.builds
    project = load(settings)
    assert project.matrix.latest in project.matrix.cells
