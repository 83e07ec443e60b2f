"""Bases from a registry: looked up, pinned, built on and told apart from stand-ins.

A mirror of the test's own holds a stand-in under the name of ``rayproject/ray``.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from factory import process
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import SUBSTITUTED_BASE, Build, Built, Cell, PlannedBuild, Target
from factory.publish import local
from factory.publish.gate import refusals
from factory.registry import Registry
from factory.settings import Settings
from tests.integration.conftest import Checkout
from tests.integration.one_cell import CELL, one_cell, write_image
from tests.integration.registries import QUIET, settings_at

pytestmark = pytest.mark.engine

NAME = "rayproject/ray"
OLDER = CELL.replace("2.60.0", "2.55.1")
NOBODY = "127.0.0.1:1"
BUILD, NOT_PUBLISHED = f"plain:{CELL}", f"plain:{OLDER}"


def docker(*arguments: str) -> str:
    return process.run(["docker", *arguments]).stdout.strip()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mirror:
    """A registry with a ``rayproject/ray`` for one cell.

    Attributes:
        settings: what starts and stops it.
        address: as ``base.mirror`` takes it.
        base: the engine's tag of what it holds.
    """

    settings: Settings
    address: str
    base: str

    @property
    def repository(self) -> str:
        return f"{self.address}/{NAME}"

    @property
    def digest(self) -> str:
        found = Registry().head(self.repository, CELL)
        assert found
        return found

    def push(self, **labels: str) -> None:
        """Have the tag name the base with these labels on it."""
        tag = f"{self.repository}:{CELL}"
        flags = [f"--label={name}={value}" for name, value in labels.items()]
        argv = ["docker", "buildx", "build", "--quiet", "--file=-", f"--tag={tag}", *flags]
        process.run(
            [*argv, str(self.settings.root)], stdin=f"FROM {self.base}\n".encode(), env=QUIET
        )
        docker("push", "--quiet", tag)
        docker("image", "rm", "--force", tag)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    folder = tmp_path_factory.mktemp("mirror")
    settings = settings_at(folder)
    settings.root.mkdir()
    with one_cell(folder / "stand-in") as packages:
        plain(packages)
        packages.invoke("build")
        [base] = [step for step in packages.json("plan")["steps"] if step["kind"] == "base"]
        made = Mirror(
            settings=settings,
            address=f"{local.ensure(settings)}/hub",
            base=f"factory.invalid/base:{base['key'][:12]}",
        )
        try:
            made.push()
            yield made
        finally:
            local.stop(settings)


def plain(checkout: Checkout, **base: str) -> Checkout:
    """An image of one file, of no other test, in cells with nothing but a base that is named so."""
    file = checkout.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix.pop("runtime", None)
    matrix["base"] = {**matrix["base"], **base}
    file.write_text(yaml.safe_dump(matrix))
    write_image(checkout, "plain", "", {"app/main.py": f"print({str(checkout.root)!r})\n"})
    return checkout


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Checkout]:
    """Two cells, of which the mirror has one."""
    with one_cell(tmp_path, rays=("2.60.0", "2.55.1")) as made:
        yield made
        remove_upstream(made)


def remove_upstream(checkout: Checkout) -> None:
    engine = Engine.connect()
    for one in recorded(checkout):
        if not one.substituted_base:
            engine.remove_image(one.ref)


def recorded(checkout: Checkout) -> list[Built]:
    """All that the ledger knows, the latest last."""
    with Ledger.open(checkout.settings.state / "ledger.sqlite") as ledger:
        return sorted(ledger.all_built().values(), key=lambda one: one.at)


def built(checkout: Checkout) -> dict[str, Built]:
    """What was built last under each step's name."""
    return {one.ref.rpartition("/")[2].partition(":")[0]: one for one in recorded(checkout)}


def keys(checkout: Checkout, build: str = BUILD) -> list[str]:
    [found] = [one for one in checkout.json("plan")["builds"] if one["id"] == build]
    steps: list[str] = found["steps"]
    return steps


def unresolved(checkout: Checkout) -> set[str]:
    return {name for step in checkout.json("plan")["steps"] for name in step["unresolved"]}


def states(checkout: Checkout, *arguments: str, expect: int = 0) -> dict[str, str]:
    return {
        name.partition("@")[0]: outcome["state"]
        for name, outcome in checkout.outcomes(*arguments, expect=expect).items()
    }


def refused_for_its_base(checkout: Checkout, one: Built) -> bool:
    """Whether a target that accepts nothing refuses an image for what it stands on."""
    build = Build(image="plain", cell=Cell(python="3.11", ray="2.60.0", device="cpu"))
    planned = PlannedBuild(build=build, steps=(one.key,), immutable="", floating=())
    target = Target(name="strict", registry=checkout.registry)
    return any(
        SUBSTITUTED_BASE in reason for reason in refusals(planned, one, (), target, joints=())
    )


def test_a_cell_is_built_on_what_the_mirror_has_and_the_other_is_told(
    mirror: Mirror, project: Checkout
) -> None:
    plain(project, source="registry", mirror=mirror.address)
    tag, missing = f"{mirror.repository}:{CELL}", f"{mirror.repository}:{OLDER}"
    assert unresolved(project) == {tag, missing}
    assert f"unresolved: a build looks up {tag}" in project.invoke("plan").stdout

    outcomes = project.outcomes("build", expect=2)
    assert outcomes[f"check {tag}"]["state"] == "done"
    failed = outcomes[f"check {missing}"]
    assert (failed["state"], failed["code"]) == ("failed", 2)
    assert f"there is no image {missing}" in failed["reason"]
    assert any("exclude these cells" in line for line in failed["detail"])
    assert outcomes[f"build {NOT_PUBLISHED}"]["state"] == "blocked"
    made = built(project)
    assert set(made) == {"base", "runtime", "plain"}
    assert {one.substituted_base for one in made.values()} == {False}
    assert not refused_for_its_base(project, made["plain"])

    first = keys(project)
    folder = project.root / ".factory" / "render" / f"base-{first[0][:12]}"
    assert f"\nFROM {tag}@{mirror.digest}\n" in (folder / "Dockerfile").read_text()
    assert "2.60.0" in docker("run", "--rm", made["plain"].ref, "ray", "--version")
    only = ("--ray", "2.60.0")
    assert states(project, "build", *only) == {f"check {tag}": "done", "build plain": "cached"}

    mirror.push(moved="yes")
    assert keys(project) == first, "nobody has looked yet"
    assert states(project, "build", *only) == {
        f"check {tag}": "done",
        "build base": "done",
        "build runtime": "done",
        "build plain": "done",
    }
    assert not set(keys(project)) & set(first)
    label = '{{index .Config.Labels "moved"}}'
    assert docker("image", "inspect", built(project)["plain"].ref, "--format", label) == "yes"


def test_commands_that_build_nothing_go_by_what_was_looked_up(
    mirror: Mirror, project: Checkout
) -> None:
    plain(project, source="auto", mirror=mirror.address)
    told = project.invoke("build", "--ray", "2.60.0").stderr
    assert f"! base.source auto: bases are {mirror.repository}, which answers" in told
    one = built(project)["plain"]
    assert not one.substituted_base
    before = keys(project)

    local.stop(mirror.settings)
    try:
        assert keys(project) == before
        assert unresolved(project) == {f"{mirror.repository}:{OLDER}"}, "it was not asked for"
        assert BUILD in project.json("matrix")["builds"]
        rendered = project.json("render", "--ray", "2.60.0")
        assert sum("@sha256:" in (project.root / path).read_text() for path in rendered) == 1
        outcomes = project.outcomes("verify", "--ray", "2.60.0")
        assert {name: one["state"] for name, one in outcomes.items()} == {f"verify {BUILD}": "done"}
        assert not project.leftovers()
    finally:
        local.ensure(mirror.settings)


@pytest.mark.parametrize("mirror_address", [NOBODY, None], ids=["a mirror", "Docker Hub"])
def test_a_registry_that_cannot_be_reached_lacks_to_this_machine(
    project: Checkout, mirror_address: str | None
) -> None:
    named = {"mirror": mirror_address} if mirror_address else {}
    plain(project, source="registry", **named)
    project.extra = {"HTTPS_PROXY": f"http://{NOBODY}"}  # so that Docker Hub is out of reach, too
    done = project.invoke("build", "--format", "json", expect=7)
    document = json.loads(done.stdout)
    assert document["totals"] == {"done": 0, "failed": 0, "blocked": 2, "cancelled": 0}
    checks = [one for one in document["outcomes"] if one["verb"] == "check"]
    assert {(one["state"], one["code"]) for one in checks} == {("failed", 7)}
    for one in checks:
        assert "let us through" in one["reason"] or "cannot be reached" in one["reason"]
        assert any("`base.source: packages`" in line for line in one["detail"])
    assert "Traceback" not in done.stdout + done.stderr
    assert built(project) == {}


def test_auto_makes_stand_ins_where_nobody_answers_and_says_so(project: Checkout) -> None:
    plain(project, source="auto", mirror=NOBODY)
    repository = f"{NOBODY}/{NAME}"
    assert unresolved(project) == {f"{repository}:{CELL}", f"{repository}:{OLDER}"}
    done = project.invoke("build", "--ray", "2.60.0")
    assert f"! base.source auto: {repository} does not answer" in done.stderr
    assert "only a target that accepts `substituted base` takes them" in done.stderr
    one = built(project)["plain"]
    assert one.substituted_base
    assert refused_for_its_base(project, one)
    assert unresolved(project) == set(), "later commands mean the stand-ins, too"
    assert keys(project)[-1] == one.key
    found = keys(project)
    plain(project, source="packages")
    assert keys(project) == found, "and they are those of `packages`"


def test_a_cuda_release_without_a_wheel_stops_its_cells_and_no_others(project: Checkout) -> None:
    plain(project)
    file = project.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix["axes"] = {**matrix["axes"], "ray": ["2.60.0"], "device": ["cpu", "gpu"]}
    matrix["devices"]["gpu"] = {"cuda": "cuda139"}
    file.write_text(yaml.safe_dump(matrix))
    shutil.rmtree(project.root / "dockerfiles" / "locks")  # `invoke lock` would find it first
    document = project.json("build", expect=2)
    results = {one["build"]: (one["state"], one["cause"]) for one in document["results"]}
    gpu = BUILD.replace("cpu", "gpu")
    asked = "check cuda-toolkit[cudart]==13.9.* for Python 3.11"
    assert results == {BUILD: ("done", ""), gpu: ("blocked", asked)}
    [failed] = [one for one in document["outcomes"] if one["state"] == "failed"]
    assert (f"{failed['verb']} {failed['subject']}", failed["code"]) == (asked, 2)
    assert any("docs/devices.md" in line for line in failed["detail"])
    assert states(project, "build", "--variant", "gpu", expect=2)["build cuda"] == "blocked"
