"""Mistakes in locks, and in calls about them."""

from __future__ import annotations

from pathlib import Path

from factory.model import BASES_LOCK, Lock, Pin, asked_by
from factory.project import all_builds, load
from factory.settings import Settings
from tests.bad_input.spoiling import Break, Case, both, edit, matrix, more, remove, write

CELL = "2.60.0-py311-cpu"
BASE, APP = f"dockerfiles/locks/base/{CELL}.txt", f"images/demo/locks/{CELL}.txt"
HASH = "sha256:" + "0" * 64
AGAIN = "run `invoke lock`, and commit what it writes"
HELD = {"base": "click", "app": "fsspec"}


def locked(root: Path) -> None:
    """A lock for each step of each cell that asks for packages."""
    project = load(Settings.from_environment({"FACTORY_ROOT": str(root), "HOME": str(root)}))
    for build in all_builds(project):
        for asked in asked_by(project, build):
            pin = Pin(version="8.2.0", hashes=(HASH,))
            text = Lock(made_for=asked.digest, pins={HELD[asked.kind]: pin}).text()
            write(f"{asked.folder}/{build.cell.id}.txt", text)(root)


def lock(*more_spoils: Break) -> Break:
    """Locks that fit, and what is wrong with them then."""
    asks = write("images/demo/requirements.txt", "fsspec\n")
    return both(asks, locked, *more_spoils)


LOCKS = [
    Case(
        id="a lock for other requirements",
        spoil=lock(more("click\n", "images/demo/requirements.txt")),
        says=("images/demo/locks/2.", "made for other requirements", AGAIN),
        real=True,
    ),
    Case(
        id="a lock that is cut off",
        spoil=lock(edit(APP, f"    --hash={HASH}\n", "")),
        says=(f"{APP}:3: this is no whole lock", "restore it from version control"),
        real=True,
    ),
    Case(
        id="a lock with an option in it",
        spoil=lock(more("--index-url https://odd.example\n", APP)),
        says=(f"{APP}:5: this is no whole lock", "nothing else is in it"),
    ),
    Case(
        id="a merge in a lock",
        spoil=lock(more("<<<<<<< ours\n", APP)),
        says=(f"{APP}:5: this is no whole lock",),
    ),
    Case(
        id="two locks that contradict each other",
        spoil=lock(edit(APP, "fsspec==8.2.0", "click==8.1.0")),
        says=(f"{APP}: click is 8.1.0 here, and 8.2.0 in {BASE}", AGAIN),
        real=True,
    ),
    Case(
        id="a lock on a base that has none",
        spoil=lock(remove(BASE)),
        says=(f"{APP}: this lock stands on packages that none holds", AGAIN),
    ),
    Case(
        id="a lock of images that is no JSON",
        spoil=write(BASES_LOCK, "{"),
        says=(f"{BASES_LOCK}: not a lock of images", "`invoke lock`"),
        real=True,
    ),
    Case(
        id="a lock of images without digests",
        spoil=write(BASES_LOCK, '{"docker.io/rayproject/ray:2.60.0-py311-cpu": "latest"}'),
        says=(f"{BASES_LOCK}: not a lock of images", "sha256:"),
    ),
    Case(
        id="locks for a base that may be either kind",
        spoil=matrix("source: packages", "source: auto"),
        args=("lock",),
        says=("matrix.yaml: locks are made for one kind of base", "set `base.source`"),
        real=True,
    ),
    Case(
        id="a check that is to write",
        spoil=lock(),
        args=("lock", "--check", "--upgrade"),
        says=("--upgrade and --check exclude each other", "keep one of them"),
    ),
    Case(
        id="a Ray wheel that is none",
        spoil=both(
            write("wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl", "no zip"),
            matrix(
                '"2026-11"',
                '"2026-11"\n  packages: '
                "{wheel: wheels/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl}",
            ),
            matrix(', "2.55.1"', ""),
        ),
        says=("cannot be read as a wheel", "build it again"),
        real=True,
    ),
]
