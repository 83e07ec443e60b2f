"""Images that are built by locks: they have what the locks hold, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.model import BASES_LOCK, parse_lock
from tests.integration.conftest import Checkout
from tests.integration.one_cell import CELL, inside, one_cell, ref_of, write_image
from tests.integration.registries import QUIET
from tests.integration.test_upstream_base import (  # noqa: F401  # the mirror is a fixture
    Mirror,
    mirror,
    plain,
    remove_upstream,
)

pytestmark = pytest.mark.engine

REQUIREMENTS = "# A package of its own, and one that every Ray has.\nfsspec==2026.4.0\nclick\n"
APP = "images/locked/locks/py311.txt"
LISTED = r"python -m pip list --format freeze --disable-pip-version-check"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Checkout]:
    with one_cell(tmp_path) as made:
        write_image(
            made,
            "locked",
            "requirements: requirements.txt",
            {"requirements.txt": REQUIREMENTS, "app/main.py": f"print({str(made.root)!r})\n"},
        )
        yield made


def versions(project: Checkout, *paths: str) -> dict[str, str]:
    """What some locks hold together."""
    found: dict[str, str] = {}
    for path in paths:
        found |= parse_lock((project.root / path).read_text(), path).versions
    return found


def installed(project: Checkout) -> dict[str, str]:
    """What the image has, by normalised name."""
    lines = inside(ref_of(project, "locked"), LISTED).splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def locks(project: Checkout) -> set[Path]:
    return {*project.root.glob("*/locks/**/*.*"), *project.root.glob("images/*/locks/*")}


def published(mirror: Mirror) -> str:  # noqa: F811  # the fixture's value
    """What the mirror's tag names, in the form that Ray's own images have: the engine pulls no
    layers of Docker's types that are packed with zstd."""
    tag = f"{mirror.repository}:{CELL}"
    output = f"type=image,name={tag},push=true,oci-mediatypes=true"
    argv = ["docker", "buildx", "build", "--quiet", "--file=-", f"--output={output}"]
    process.run(
        [*argv, str(mirror.settings.root)], stdin=f"FROM {mirror.base}\n".encode(), env=QUIET
    )
    process.run(["docker", "image", "rm", "--force", tag])
    return f"{mirror.repository}@{mirror.digest}"


def test_an_image_has_what_its_locks_hold(project: Checkout) -> None:
    project.invoke("lock")
    assert versions(project, APP) == {"fsspec": "2026.4.0"}
    assert json.loads(project.invoke("lock", "--check", "--format", "json").stdout) == []
    outcomes = project.outcomes("build")
    assert not [name for name in outcomes if name.startswith("check")], "nothing is asked for"
    [base] = (project.root / "dockerfiles/locks/base").glob("*.txt")
    assert installed(project) == versions(project, str(base.relative_to(project.root)), APP)


def test_a_file_with_another_hash_is_not_installed(project: Checkout) -> None:
    project.invoke("lock")
    file = project.root / APP
    file.write_text(re.sub(r"(?<=sha256:)[0-9a-f]{64}", "0" * 64, file.read_text()))
    said = project.invoke("build", expect=3)
    assert "fsspec" in said.stdout
    assert "Hash mismatch" in said.stdout
    assert (
        "has a hash that no package source knows"
        in project.invoke("lock", "--check", expect=2).stdout
    )


def test_on_a_base_image_locks_go_with_what_is_in_it(
    mirror: Mirror,  # noqa: F811  # the fixture
    project: Checkout,
) -> None:
    file = project.root / "images/locked/image.yaml"
    definition = file.read_text()
    plain(project, source="registry", mirror=mirror.address)
    (project.root / "images/plain/image.yaml").unlink()
    assert file.read_text() == definition
    ref = published(mirror)
    said = project.invoke("lock", expect=7)
    assert f"docker pull {ref}" in said.stderr
    assert not (project.root / BASES_LOCK).exists(), "all is written or nothing"
    assert not (project.root / APP).exists()

    process.run(["docker", "pull", "--quiet", ref])
    try:
        project.invoke("lock")
        pinned = json.loads((project.root / BASES_LOCK).read_text())
        assert pinned == {f"{mirror.repository}:{CELL}": mirror.digest}
        listed = f"dockerfiles/locks/base/{CELL.removesuffix('-cpu')}.txt"
        assert versions(project, APP) == {"fsspec": "2026.4.0"}
        assert versions(project, listed)["ray"] == "2.60.0"
        assert project.json("lock", "--check") == []
        outcomes = project.outcomes("build")
        assert not [name for name in outcomes if name.startswith("check")], "nothing is looked up"
        assert installed(project) == versions(project, listed, APP)
    finally:
        remove_upstream(project)
        process.run(["docker", "image", "rm", "--force", ref], check=False)
