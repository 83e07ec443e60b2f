"""The bake file: bake takes it, and it builds what the factory builds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.engine import Engine
from tests.integration.conftest import Checkout
from tests.integration.one_cell import CELL, inside, one_cell, ref_of, write_image

pytestmark = pytest.mark.engine

QUIET = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"}
FILES = {"app/main.py": "print('hello')\n", ".dockerignore": "*.log\n", "app/x.log": "left out\n"}
LISTING = "cd; find app -type f | sort; env | sort | grep -v HOSTNAME; sha256sum app/main.py"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Checkout]:
    with one_cell(tmp_path) as made:
        write_image(made, "small", "", FILES)
        with (made.root / "dockerfiles" / "app.Dockerfile.j2").open("a") as template:
            template.write('ENV TEXT="${LANG} %{b} $HOME"\n')
        yield made


def bake(project: Checkout, *flags: str) -> str:
    argv = ["docker", "buildx", "bake", "--file", ".factory/render/docker-bake.json", *flags]
    return process.run(argv, cwd=project.root, env=QUIET).stdout


def test_bake_reads_every_dockerfile_as_it_is(project: Checkout) -> None:
    assert project.invoke("bake").stdout.strip() == ".factory/render/docker-bake.json"
    project.invoke("render")
    understood = json.loads(bake(project, "--print"))["target"]
    understood.pop("packages", None)  # the host's wheels, where it has some
    for name, target in understood.items():
        rendered = project.root / ".factory" / "render" / name / "Dockerfile"
        assert target["dockerfile-inline"] == rendered.read_text("utf-8"), name


def test_bake_builds_the_same_image(project: Checkout) -> None:
    project.invoke("build")
    project.invoke("bake")
    ours = ref_of(project, "small")
    [theirs] = [
        tag
        for target in json.loads(bake(project, "--print"))["target"].values()
        for tag in target.get("tags", ())
    ]
    assert theirs.startswith(f"small:{CELL}-")
    try:
        bake(project)
        engine = Engine.connect()
        made, baked = engine.image(ours), engine.image(theirs)
        assert made
        assert baked
        assert inside(theirs, LISTING) == inside(ours, LISTING)
        assert (baked.user, baked.env, baked.command) == (made.user, made.env, made.command)
        volatile = {"org.opencontainers.image.created", "org.opencontainers.image.revision"}
        known = volatile | {"io.ray.ray-commit"}  # which is read from a base that is made already
        assert dict(baked.labels) == {
            name: value for name, value in made.labels.items() if name not in known
        }
        assert len(layers(theirs)) == len(layers(ours))
    finally:
        Engine.connect().remove_image(theirs)


def test_what_the_file_names_is_for_this_user_alone(project: Checkout) -> None:
    project.invoke("bake")
    beside = project.root / ".factory" / "render" / "bake"
    assert beside.stat().st_mode & 0o077 == 0
    for name in ("pip", "uv", "apt"):
        assert (beside / name).stat().st_mode & 0o077 == 0


def layers(ref: str) -> list[str]:
    argv = ["docker", "image", "inspect", ref, "--format", "{{json .RootFS.Layers}}"]
    found: list[str] = json.loads(process.run(argv).stdout)
    return found
