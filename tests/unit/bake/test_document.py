"""A plan as a bake file: what is built with what, and that no secret is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from factory.bake import Surroundings, document
from factory.model import KEY_LABEL, Plan
from tests.conftest import MATRIX
from tests.unit.plan.projects import chain, plan_of, project_of

CODE = "source: {git: 'https://code.example/app.git', ref: main, token: CODE_TOKEN}\n"


def around(plan: Plan, **more: Any) -> Surroundings:
    rootfs = {step.rootfs: "/cache/rootfs" for step in plan.steps.values() if step.rootfs}
    given = {"nothing": "none", "rootfs": rootfs, "secrets": {"pip": "bake/pip"}, **more}
    return Surroundings(**given)


def exported(plan: Plan, **more: Any) -> dict[str, Any]:
    return document(plan, around(plan, **more))


PLAN = plan_of(project_of())
STEPS = chain(PLAN)
TARGETS = exported(PLAN)["target"]


def target(kind: str) -> dict[str, Any]:
    step = STEPS[kind]
    found: dict[str, Any] = TARGETS[f"{step.name}-{step.key[:12]}"]
    return found


def test_every_step_is_a_target_once() -> None:
    assert len(TARGETS) == len(PLAN.steps)


def test_a_parent_is_a_named_context_and_no_tag() -> None:
    base, runtime = STEPS["base"], STEPS["runtime"]
    assert target("runtime")["contexts"][base.ref] == f"target:base-{base.key[:12]}"
    assert target("app")["contexts"][runtime.ref] == f"target:runtime-{runtime.key[:12]}"
    assert target("base")["tags"] == target("runtime")["tags"] == []
    assert target("runtime")["output"] == ["type=cacheonly"]


def test_a_build_is_tagged_with_what_is_never_rewritten_and_nothing_that_floats() -> None:
    planned = PLAN.builds[0]
    assert target("app")["tags"] == [f"demo:{planned.immutable}"]
    assert target("app")["output"] == ["type=docker"]


def test_the_default_is_every_build() -> None:
    names = exported(PLAN)["group"]["default"]["targets"]
    assert names == [f"demo-{planned.key[:12]}" for planned in PLAN.builds]


def test_labels_are_those_that_do_not_change_from_run_to_run() -> None:
    assert target("app")["labels"] == {KEY_LABEL: STEPS["app"].key}


def test_a_base_is_made_of_its_root_file_system_and_others_of_what_they_read() -> None:
    assert target("base")["context"] == "/cache/rootfs"
    assert target("runtime")["context"] == "none"
    assert target("app")["context"] == "images/demo"


def test_the_folder_with_wheels_is_given_where_there_is_one() -> None:
    assert "packages" not in target("base")["contexts"]
    targets = exported(PLAN, packages="/wheels")["target"]
    wheels = targets.pop("packages")
    assert wheels["context"] == "/wheels"
    assert {one["contexts"]["packages"] for one in targets.values()} == {"target:packages"}


def test_secrets_are_files_and_variables_by_name() -> None:
    matrix = MATRIX.replace(', "2.55.1"', "")
    plan = plan_of(project_of(matrix, images={"demo": f"description: It\n{CODE}"}))
    app = plan.steps[plan.builds[0].key]
    secrets = exported(plan)["target"][f"demo-{app.key[:12]}"]["secret"]
    assert secrets == ["id=pip,src=bake/pip", "id=GIT_AUTH_TOKEN,env=CODE_TOKEN"]


def test_proxies_come_from_the_environment_of_whoever_runs_it() -> None:
    [args] = {
        json.dumps(one["args"]) for one in exported(PLAN, proxies=("no_proxy",))["target"].values()
    }
    assert json.loads(args) == {"no_proxy": None}


def test_a_proxy_with_a_login_is_told_by_a_secret() -> None:
    given = {"proxies": ("https_proxy",), "secrets": {"proxies": "bake/proxies"}}
    targets = exported(PLAN, **given)["target"].values()
    assert {json.dumps(one["args"]) for one in targets} == {"{}"}
    for one in targets:
        assert "id=proxies,src=bake/proxies" in one["secret"]
        wanted = one["dockerfile-inline"].count("RUN --mount")
        assert one["dockerfile-inline"].count("type=secret,id=proxies") == wanted


@pytest.mark.parametrize(
    ("written", "escaped"), [("${A}", "$${A}"), ("%{b}", "%%{b}"), ("$A", "$A")]
)
def test_bake_expands_nothing_in_a_dockerfile(written: str, escaped: str) -> None:
    templates = {
        "base.Dockerfile.j2": f"FROM scratch\nENV X={written}\n",
        "runtime.Dockerfile.j2": "FROM {{ parent }}\n",
        "app.Dockerfile.j2": "FROM {{ parent }}\n",
    }
    plan = plan_of(project_of(templates=templates))
    texts = [one["dockerfile-inline"] for one in exported(plan)["target"].values()]
    assert any(text.endswith(f"\nENV X={escaped}\n") for text in texts)
