"""The workflow is one that GitHub takes, and each of its scripts does what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory import process
from factory.export import Login, workflow
from tests.conftest import ROOT
from tests.unit.export.launches import ECR

LOGINS = (
    Login(target="hub"),
    Login(target="my-ecr", host=ECR, region="eu-west-1"),
    Login(target="prod", host="registry.example.org"),
)


def read(*, one_group: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(workflow(LOGINS, one_group=one_group))
    return found


@pytest.mark.parametrize("one_group", [False, True])
def test_the_workflow_is_valid_by_the_schema_of_workflows(tmp_path: Path, one_group: bool) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(workflow(LOGINS, one_group=one_group))
    argv = ["check-jsonschema", "--builtin-schema=vendor.github-workflows", str(file)]
    process.run(argv)
    file.write_text(file.read_text().replace("runs-on:", "run-on:"))
    with pytest.raises(process.ProcessFailed):
        process.run(argv)


def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    if not process.find_tool("actionlint"):
        pytest.skip("there is no actionlint")
    file = tmp_path / "images.yaml"
    file.write_text(workflow(LOGINS, one_group=False))
    process.run(["actionlint", str(file)])


def test_every_gate_is_passed_in_order_and_a_pull_request_publishes_nothing() -> None:
    steps = read()["jobs"]["image"]["steps"]
    gates = [step for step in steps if step.get("name") in ("Build", "Scan", "Verify", "Publish")]
    assert [step["name"] for step in gates] == ["Build", "Scan", "Verify", "Publish"]
    outward = [step for step in steps if "login" in step.get("uses", "") or step is gates[-1]]
    assert len(outward) == 4
    assert all(step["if"] == "github.event_name != 'pull_request'" for step in outward)


def test_logins_are_by_secrets_and_at_amazons_by_a_role() -> None:
    job = read()["jobs"]["image"]
    used = {step["uses"].partition("@")[0]: step for step in job["steps"] if "uses" in step}
    role = used["aws-actions/configure-aws-credentials"]["with"]
    assert role == {"role-to-assume": "${{ vars.AWS_ROLE }}", "aws-region": "eu-west-1"}
    assert job["permissions"]["id-token"] == "write"
    text = workflow(LOGINS, one_group=False)
    assert "secrets.DOCKERHUB_PASSWORD" in text
    assert "secrets.PROD_PASSWORD" in text
    only_hub = yaml.safe_load(workflow([LOGINS[0]], one_group=False))
    assert "id-token" not in only_hub["jobs"]["image"]["permissions"]


def groups(tmp_path: Path, *, one_group: bool) -> list[str]:
    """What the workflow's own script makes of the shipped matrix."""
    [script] = [
        step["run"] for step in read(one_group=one_group)["jobs"]["matrix"]["steps"] if "id" in step
    ]
    out = tmp_path / "output"
    env = {"GITHUB_OUTPUT": str(out), "RUNNER_TEMP": str(tmp_path), "FACTORY_ROOT": str(ROOT)}
    process.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=os.environ | env)
    found = json.loads(out.read_text().removeprefix("groups="))
    assert isinstance(found, list)
    return found


def test_cells_that_a_cohort_pairs_go_in_one_job_and_the_others_in_one_each(tmp_path: Path) -> None:
    found = groups(tmp_path, one_group=False)
    assert len(found) == 9
    assert "2.60.0-py311-cpu 2.60.0-py311-gpu" in found
    assert all(len(group.split()) == 1 for group in found if "2.60.0-py311-gpu" not in group)


def test_where_all_tags_move_together_one_job_has_all_cells(tmp_path: Path) -> None:
    [group] = groups(tmp_path, one_group=True)
    assert len(group.split()) == 10


def test_a_gate_is_given_the_cells_of_its_job(tmp_path: Path) -> None:
    steps = read()["jobs"]["image"]["steps"]
    [script] = [step["run"] for step in steps if step.get("name") == "Scan"]
    fake = tmp_path / "invoke"
    fake.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    fake.chmod(0o755)
    env = {"CELLS": "2.60.0-py311-cpu 2.60.0-py311-gpu", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    said = process.run(["bash", "-euc", script], env=env).stdout
    assert said == "scan|--only|2.60.0-py311-cpu|--only|2.60.0-py311-gpu|"
