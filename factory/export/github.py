"""A GitHub workflow that builds, scans, verifies and publishes what ``matrix.yaml`` says.

Cells that a cohort pairs go in one job, since they are verified together. The cells are asked for
in the workflow, so that the file stays right when the matrix changes.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from factory.export.launch import slug, written

_RUNNER = "ubuntu-24.04"
_CHECKOUT = {"uses": "actions/checkout@v4"}
_PYTHON = {
    "uses": "actions/setup-python@v5",
    "with": {
        "python-version": "3.11",
        "cache": "pip",
        "cache-dependency-path": "requirements.lock",
    },
}
_INSTALL = {
    "name": "Install the factory",
    "run": "pip install --require-hashes --requirement requirements.lock\n"
    "pip install --no-deps --editable .\n",
}
_MMDEBSTRAP = {
    "name": "Install what makes root file systems",
    "run": "sudo apt-get -qq -o DPkg::Lock::Timeout=300 update\n"
    "sudo apt-get -qq -o DPkg::Lock::Timeout=300 install -y mmdebstrap uidmap "
    "debian-archive-keyring\n",
}
_GROUPS = """\
invoke matrix --format json > "$RUNNER_TEMP/matrix.json"
python - "$RUNNER_TEMP/matrix.json" <<'PYTHON' >> "$GITHUB_OUTPUT"
import json, sys

found = json.load(open(sys.argv[1]))
groups = [{cell["id"]} for cell in found["cells"]]
for pair in found["pairs"]:
    both = {pair[role].split(":", 1)[1] for role in ("head", "workers")}
    joined = [group for group in groups if group & both]
    groups = [group for group in groups if not group & both] + [set().union(*joined)]
print("groups=" + json.dumps([" ".join(sorted(group)) for group in groups]))
PYTHON
"""
_ONE_GROUP = """\
invoke matrix --format json > "$RUNNER_TEMP/matrix.json"
python - "$RUNNER_TEMP/matrix.json" <<'PYTHON' >> "$GITHUB_OUTPUT"
import json, sys

found = json.load(open(sys.argv[1]))
print("groups=" + json.dumps([" ".join(cell["id"] for cell in found["cells"])]))
PYTHON
"""
_GATES = ("build", "scan", "verify", "publish")
_PUBLISHES = "github.event_name != 'pull_request'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A registry that a workflow logs in to.

    Attributes:
        target: the name of the target that it is of.
        host: ``host[:port]``; empty is Docker Hub.
        region: of one of Amazon's; empty for others.
    """

    target: str
    host: str = ""
    region: str = ""


def workflow(logins: Iterable[Login], *, one_group: bool, packages: bool = True) -> str:
    """The text of a workflow.

    Args:
        logins: of the targets that are not on the runner itself.
        packages: whether bases may have to be made from packages.
        one_group: whether floating tags of all cells move together, which one job has to do then.
    """
    comment = [
        "Builds, scans, boots and publishes the images of matrix.yaml; of a pull request, it "
        "publishes nothing.",
        "Secrets and variables that it needs are those that it names; it writes to no repository.",
        "Large GPU images want a runner with more room than the hosted ones have.",
    ]
    document = {
        "name": "images",
        "on": {
            "push": {"branches": ["main"]},
            "pull_request": None,
            "schedule": [{"cron": "17 3 * * 1"}],
            "workflow_dispatch": None,
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": "images-${{ github.ref }}", "cancel-in-progress": False},
        "jobs": {
            "matrix": _matrix(one_group=one_group),
            "image": _image(tuple(logins), packages=packages),
        },
    }
    return written(comment, document)


def _matrix(*, one_group: bool) -> dict[str, Any]:
    groups = {"id": "groups", "run": _ONE_GROUP if one_group else _GROUPS}
    return {
        "runs-on": _RUNNER,
        "timeout-minutes": 10,
        "outputs": {"groups": "${{ steps.groups.outputs.groups }}"},
        "steps": [_CHECKOUT, _PYTHON, _INSTALL, groups],
    }


def _image(logins: tuple[Login, ...], *, packages: bool) -> dict[str, Any]:
    oidc = any(login.region for login in logins)
    return {
        "name": "${{ matrix.cells }}",
        "needs": "matrix",
        "runs-on": _RUNNER,
        "timeout-minutes": 180,
        "permissions": {"contents": "read", **({"id-token": "write"} if oidc else {})},
        "strategy": {
            "fail-fast": False,
            "matrix": {"cells": "${{ fromJSON(needs.matrix.outputs.groups) }}"},
        },
        "env": {"CELLS": "${{ matrix.cells }}"},
        "steps": [
            _CHECKOUT,
            _PYTHON,
            _INSTALL,
            *([_MMDEBSTRAP] if packages else []),
            _cache(),
            *(step for login in logins for step in _login(login)),
            *(_gate(gate) for gate in _GATES),
            {
                "if": "always()",
                "uses": "actions/upload-artifact@v4",
                "with": {
                    "name": "reports-${{ strategy.job-index }}",
                    "path": ".factory/reports\n.factory/logs\n",
                    "include-hidden-files": True,
                    "if-no-files-found": "ignore",
                },
            },
        ],
    }


def _cache() -> dict[str, Any]:
    """Root file systems, vulnerability databases, what is known of images; and the verdicts. Layers
    come from the target, by their keys."""
    return {
        "uses": "actions/cache@v4",
        "with": {
            "path": "~/.cache/ray-image-factory\n.factory/ledger.sqlite\n",
            "key": "factory-${{ matrix.cells }}-${{ github.run_id }}",
            "restore-keys": "factory-${{ matrix.cells }}-\n",
        },
    }


def _gate(gate: str) -> dict[str, Any]:
    """A gate of the cells of this job; their names are in the environment, not in the script."""
    script = (
        "only=()\n"
        'for cell in $CELLS; do only+=(--only "$cell"); done\n'
        f'invoke {gate} "${{only[@]}}"\n'
    )
    when = {"if": _PUBLISHES} if gate == "publish" else {}
    return {"name": gate.capitalize(), **when, "run": script}


def _login(login: Login) -> Iterator[dict[str, Any]]:
    """Log in: to Amazon's by OpenID Connect, elsewhere with secrets."""
    when = {"if": _PUBLISHES}
    if login.region:
        role = {"role-to-assume": "${{ vars.AWS_ROLE }}", "aws-region": login.region}
        yield {**when, "uses": "aws-actions/configure-aws-credentials@v4", "with": role}
        yield {**when, "uses": "aws-actions/amazon-ecr-login@v2"}
        return
    prefix = slug(login.target).replace("-", "_").upper() if login.host else "DOCKERHUB"
    yield {
        **when,
        "uses": "docker/login-action@v3",
        "with": {
            **({"registry": login.host} if login.host else {}),
            "username": f"${{{{ secrets.{prefix}_USERNAME }}}}",
            "password": f"${{{{ secrets.{prefix}_PASSWORD }}}}",
        },
    }
