"""The shipped project cut down to cells that cost little, with images of the test's own.

Everything above the application is the shipped matrix's, by key: the engine makes it once for all
tests, and keeps it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from factory import process
from factory.engine import Engine
from factory.ledger import Ledger
from tests.integration.conftest import Checkout, make_checkout

CELL = "2.60.0-py311-cpu"
_SHARED = ("base", "runtime", "cuda", "rllib")


@contextmanager
def one_cell(folder: Path, *, rays: tuple[str, ...] = ("2.60.0",)) -> Iterator[Checkout]:
    """A project without images, on plain cells; what it builds of its own is removed at the end."""
    made = make_checkout(folder, images=False)
    file = made.root / "matrix.yaml"
    matrix = yaml.safe_load(file.read_text())
    matrix["axes"] = {"python": ["3.11"], "ray": list(rays)}
    for key in ("exclude", "latest"):
        del matrix[key]
    file.write_text(yaml.safe_dump(matrix))
    try:
        yield made
    finally:
        remove_own_images(made)
        made.close()


def remove_own_images(checkout: Checkout) -> None:
    """Remove the applications that a project's ledger knows."""
    ledger_file = checkout.settings.state / "ledger.sqlite"
    if not ledger_file.exists():
        return
    with Ledger.open(ledger_file) as ledger:
        refs = [built.ref for built in ledger.all_built().values() if built.ours]
    engine = Engine.connect()
    for ref in refs:
        if ref.rpartition(":")[0].rpartition("/")[2] not in _SHARED:
            engine.remove_image(ref)


def write_image(checkout: Checkout, name: str, definition: str, files: Mapping[str, str]) -> Path:
    """Add or replace an image: its ``image.yaml``, and files relative to its folder."""
    folder = checkout.root / "images" / name
    written = {"image.yaml": f"description: {name}\n{textwrap.dedent(definition)}", **files}
    for path, text in written.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def ref_of(checkout: Checkout, image: str) -> str:
    """The engine's tag of an image in the cell that all tests build."""
    return checkout.refs()[f"{image}:{CELL}"]


def inside(ref: str, script: str) -> str:
    """What a shell says in a container of an image, as the image's own user."""
    return process.run(["docker", "run", "--rm", ref, "bash", "-euc", script]).stdout.strip()


def bridge_address() -> str:
    """This host as containers see it."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    argv = ["docker", "network", "inspect", "bridge", "--format", form]
    return process.run(argv).stdout.strip()
