"""The first input that differs is named, base first, in a sentence that people understand."""

from __future__ import annotations

from typing import Any

import pytest

from factory.explain import differences, reason_of
from factory.explain.reasons import ABSENT, FIRST, UNKNOWN
from factory.model import Chain, Plan, StepRecord
from tests.conftest import IMAGE, MATRIX
from tests.unit.plan.projects import FILES, TEMPLATES, plan_of, project_of

UPSTREAM = MATRIX.replace("source: packages", "source: registry")
BASE = "docker.io/rayproject/ray:2.60.0-py311-cpu"
BASES = {BASE: "sha256:" + "a" * 64, BASE.replace("2.60.0", "2.55.1"): "sha256:" + "b" * 64}
NO_TEXTS: dict[str, str] = {}
CHILD = "description: A child\nparent: demo\n"


def chain(plan: Plan, build: str = "demo:2.60.0-py311-cpu") -> Chain:
    [planned] = [one for one in plan.builds if one.build.id == build]
    return tuple(StepRecord.of(plan.steps[key], {}) for key in planned.steps)


def texts(*plans: Plan) -> dict[str, str]:
    return {
        dict(step.inputs)["dockerfile"]: step.dockerfile
        for plan in plans
        for step in plan.steps.values()
    }


def told(new: Plan, old: Plan, build: str = "demo:2.60.0-py311-cpu") -> list[str]:
    found = differences(chain(new, build), chain(old, build), texts(new, old).get)
    return [one.what for one in found]


PLAN = plan_of(project_of())


def test_nothing_differs_from_itself() -> None:
    assert told(PLAN, plan_of(project_of())) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"matrix": MATRIX.replace("2026-11", "2026-12")}, ["epoch 2026-11 → 2026-12"]),
        (
            {"digests": FILES | {"images/demo/app": "f" * 64}},
            ["images/demo/app changed"],
        ),
        (
            {"images": {"demo": IMAGE.replace("requirements: requirements.txt\n", "")}},
            ["images/demo/requirements.txt is no longer read"],
        ),
    ],
    ids=["epoch", "file", "requirements"],
)
def test_the_first_cause_is_told_first(changes: dict[str, Any], expected: list[str]) -> None:
    assert told(plan_of(project_of(**changes)), PLAN)[: len(expected)] == expected


def test_a_cause_is_told_once_however_many_steps_it_reaches() -> None:
    new = plan_of(project_of(MATRIX.replace("2026-11", "2026-12")))
    assert told(new, PLAN) == ["epoch 2026-11 → 2026-12"]


def test_all_causes_are_told_base_first() -> None:
    new = plan_of(
        project_of(
            MATRIX.replace("2026-11", "2026-12"),
            digests=FILES | {"images/demo/app": "f" * 64},
            templates=TEMPLATES
            | {"runtime.Dockerfile.j2": TEMPLATES["runtime.Dockerfile.j2"] + "LABEL a=b\n"},
        )
    )
    assert told(new, PLAN) == [
        "epoch 2026-11 → 2026-12",
        next(line for line in told(new, PLAN) if "runtime.Dockerfile.j2" in line),
        "images/demo/app changed",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LABEL more=yes\n", "renders other instructions: LABEL more=yes (line "),
        ("RUN <<X\necho\nX\n", "renders other instructions: RUN <<X (line "),
        ("COPY --chmod=755 app /x\n", "renders other instructions: COPY --chmod=755 app /x (line "),
    ],
)
def test_an_added_instruction_is_named(text: str, expected: str) -> None:
    more = TEMPLATES | {"app.Dockerfile.j2": TEMPLATES["app.Dockerfile.j2"] + text}
    new = plan_of(project_of(templates=more))
    [found] = told(new, PLAN)
    assert found.startswith(f"dockerfiles/app.Dockerfile.j2 {expected}")
    number = int(found.rpartition(" ")[2].rstrip(")"))
    rendered = new.steps[new.builds[0].key].dockerfile.splitlines()
    assert rendered[number - 1] == text.splitlines()[0], "the line is that of the rendered file"
    [found] = told(PLAN, new)
    shown = expected.partition(": ")[2].removesuffix(" (line ")
    assert found == f"dockerfiles/app.Dockerfile.j2 no longer renders {shown}"


def test_without_the_texts_the_template_is_named_all_the_same() -> None:
    more = TEMPLATES | {"app.Dockerfile.j2": TEMPLATES["app.Dockerfile.j2"] + "LABEL a=b\n"}
    new = plan_of(project_of(templates=more))
    [found] = differences(chain(new), chain(PLAN), NO_TEXTS.get)
    assert found.what == "dockerfiles/app.Dockerfile.j2 renders other instructions"
    assert (found.step, found.input) == ("demo", "dockerfile")


# --------------------------------------------------------------------- names


def test_a_base_that_moved_is_told_with_both_digests() -> None:
    old, new = (
        plan_of(project_of(UPSTREAM), BASES | {BASE: f"sha256:{digit * 64}"}) for digit in "cd"
    )
    assert told(new, old) == [
        f"base {BASE} moved from sha256:{'c' * 12} to sha256:{'d' * 12}",
    ]


def test_a_base_of_another_name_takes_the_place_of_the_first() -> None:
    plan = plan_of(project_of(UPSTREAM), BASES)
    other = "demo:2.55.1-py311-cpu"
    found = differences(chain(plan, other), chain(plan), texts(plan).get)
    assert found[0].what == f"base {BASE} → {BASE.replace('2.60.0', '2.55.1')}"


def test_a_pin_that_moved_is_no_difference_of_the_text() -> None:
    """Where the text differs as well, its own first difference is named, not the FROM."""
    more = TEMPLATES | {
        "upstream.Dockerfile.j2": TEMPLATES["upstream.Dockerfile.j2"] + "LABEL more=yes\n"
    }
    old = plan_of(project_of(UPSTREAM), BASES)
    new = plan_of(project_of(UPSTREAM, templates=more), BASES | {BASE: "sha256:" + "d" * 64})
    first, second = told(new, old)
    assert first.startswith("base ")
    assert "LABEL more=yes" in second


def test_a_base_that_was_not_looked_up_is_not_said_to_have_moved() -> None:
    old, new = plan_of(project_of(UPSTREAM), BASES), plan_of(project_of(UPSTREAM))
    assert told(new, old) == [f"base {BASE} has to be looked up: a build does"]


def test_a_base_of_another_sort_is_told() -> None:
    registry, packages = plan_of(project_of(UPSTREAM), BASES), PLAN
    assert told(packages, registry)[0] == "the base is now made from packages"
    assert "the base is no longer made from packages" in told(registry, packages)


def step(**more: Any) -> StepRecord:
    fields: dict[str, Any] = {"key": "k", "kind": "base", "name": "base", "parent": None}
    return StepRecord(**(fields | more))


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("platform", "linux/amd64", "linux/arm64", "platform linux/amd64 → linux/arm64"),
        (
            "rootfs",
            "bookworm as of 2026-10 by abc",
            "bookworm as of 2026-11 by abc",
            "epoch 2026-10 → 2026-11",
        ),
        ("rootfs", "bookworm as of 1 by a", "trixie as of 1 by a", "Debian bookworm → trixie"),
        (
            "rootfs",
            "bookworm as of 1 by a",
            "bookworm as of 1 by b",
            "the factory makes the root file system in another way",
        ),
        (
            "repository https://git.example.org/team/code.git#main",
            "1" * 40,
            "2" * 40,
            "code.git#main moved from 111111111111 to 222222222222",
        ),
        (
            "image docker.io/library/debian:12",
            "sha256:" + "1" * 64,
            "sha256:" + "2" * 64,
            "base docker.io/library/debian:12 moved from sha256:111111111111 to "
            "sha256:222222222222",
        ),
        ("file images/demo/app", "1" * 64, None, "images/demo/app is no longer read"),
        ("file images/demo/app", None, "1" * 64, "images/demo/app is now read"),
        ("image debian:12", None, "sha256:1", "base debian:12 was added"),
        ("repository https://x.org/a.git#v1", "1" * 40, None, "a.git#v1 is gone"),
    ],
)
def test_each_sort_of_input_has_its_sentence(
    name: str, old: str | None, new: str | None, expected: str
) -> None:
    before = step(key="o", inputs=((name, old),) if old else ())
    after = step(key="n", inputs=((name, new),) if new else ())
    [found] = differences((after,), (before,), NO_TEXTS.get)
    assert found.what == expected
    assert found.input == name


def test_an_image_that_is_no_base_is_called_an_image() -> None:
    name = "image ghcr.io/astral-sh/uv:1"
    old, new = (step(kind="app", key=d, inputs=((name, f"sha256:{d}"),)) for d in "12")
    [found] = differences((new,), (old,), NO_TEXTS.get)
    assert found.what == "image ghcr.io/astral-sh/uv:1 moved from sha256:1 to sha256:2"


def test_another_key_of_equal_inputs_is_the_factorys_doing() -> None:
    old, new = (
        (
            step(key=f"{digit}a"),
            step(
                key=f"{digit}b",
                kind="app",
                name="demo",
                parent=f"{digit}a",
                inputs=(("parent", f"{digit}a"),),
            ),
        )
        for digit in "12"
    )
    [found] = differences(new, old, NO_TEXTS.get)
    assert (found.step, found.what) == ("base", "this factory derives keys in another way")


# --------------------------------------------------------------------- chains


def links(*names: str) -> Chain:
    """Steps by name; what is no kind is an image."""
    found: list[StepRecord] = []
    for name in names:
        kind = name if name in ("base", "runtime", "rllib", "cuda") else "app"
        parent = found[-1].key if found else None
        key = f"{parent}/{name}"
        inputs = (("parent", parent),) if parent else ()
        found.append(StepRecord(key=key, kind=kind, name=name, parent=parent, inputs=inputs))
    return tuple(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("base runtime demo", "base runtime rllib demo", ["rllib was added"]),
        ("base runtime rllib cuda demo", "base runtime rllib demo", ["cuda is gone"]),
        ("base demo child", "base core child", ["parent image demo is now core"]),
        ("base child", "base demo child", ["parent image demo was added"]),
        ("base demo child", "base child", ["parent image demo is gone"]),
        ("base demo", "base other", ["image demo is now other"]),
        ("base rllib demo", "base cuda demo", ["rllib is gone", "cuda was added"]),
    ],
)
def test_a_step_that_came_or_went_is_told(old: str, new: str, expected: list[str]) -> None:
    found = differences(links(*new.split()), links(*old.split()), NO_TEXTS.get)
    assert [one.what for one in found] == expected
    assert {one.input for one in found} == {"step"}


def test_a_renamed_parent_is_told_with_what_else_changed_in_it() -> None:
    files = FILES | {path.replace("demo", "core"): digest for path, digest in FILES.items()}
    renamed = CHILD.replace("demo", "core")
    old = plan_of(project_of(images={"demo": IMAGE, "child": CHILD}, digests=files))
    images = {"core": IMAGE, "child": renamed}
    for changed, more in ((files, []), (files | {"images/core/app": "f" * 64}, ["app changed"])):
        new = plan_of(project_of(images=images, digests=changed))
        found = told(new, old, "child:2.60.0-py311-cpu")
        assert found[0] == "parent image demo is now core"
        assert [line for line in found if "images/" in line] == [f"images/core/{x}" for x in more]


# -------------------------------------------------------------------- reasons


def reason(key: str, new: Chain, last: Chain | None) -> str:
    return reason_of(key, new, last, NO_TEXTS.get)


def test_the_reason_of_a_step_is_the_builds_first_cause_not_its_parents_key() -> None:
    new = chain(plan_of(project_of(MATRIX.replace("2026-11", "2026-12"))))
    assert {reason(one.key, new, chain(PLAN)) for one in new} == {"epoch 2026-11 → 2026-12"}


@pytest.mark.parametrize(("last", "expected"), [(None, FIRST), ((), UNKNOWN)])
def test_without_a_past_there_is_a_reason_all_the_same(last: Chain | None, expected: str) -> None:
    new = chain(PLAN)
    assert reason(new[-1].key, new, last) == expected


def test_a_step_that_did_not_change_is_only_missing() -> None:
    old = chain(PLAN)
    new = chain(plan_of(project_of(digests=FILES | {"images/demo/app": "f" * 64})))
    assert reason(new[0].key, new, old) == ABSENT
    assert reason(new[-1].key, new, old) == "images/demo/app changed"
