"""One node, from a real image: its command, its exit code, and one that is kept."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import process
from factory.cluster.plan import KIND, NODE
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import Publication
from factory.publish import local
from factory.registry import Registry
from tests.integration.conftest import REPOSITORY, TWO_CELLS, Checkout, make_checkout
from tests.integration.registries import free_port

pytestmark = pytest.mark.engine
CELL = "2.60.0-py311-cpu"


def run(
    checkout: Checkout, *words: str, cwd: Path | None = None, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """``invoke run`` from a folder of the user's."""
    return subprocess.run(
        checkout.argv("--search-root", str(REPOSITORY), "run", *words),
        cwd=cwd or REPOSITORY,
        env=checkout.env,
        input=typed,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def built(shipped: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The shipped project, whose images are built, and which other tests publish nothing of."""
    assert shipped.root, "its images are in the engine"
    checkout = make_checkout(tmp_path_factory.mktemp("built"))
    checkout.invoke("build", *TWO_CELLS)
    yield checkout
    checkout.close()


@pytest.fixture
def kept() -> Iterator[str]:
    name = f"kept-{secrets.token_hex(4)}"
    yield name
    process.run(["docker", "rm", "--force", name], check=False)


@pytest.fixture
def engine() -> Engine:
    return Engine.connect()


def ours() -> list[str]:
    form = ["ps", "--all", "--quiet", "--filter", f"label={KIND}={NODE}"]
    return process.run(["docker", *form]).stdout.split()


def test_a_command_sees_this_folder_and_its_code_is_ours(built: Checkout, tmp_path: Path) -> None:
    (tmp_path / "a, b").mkdir()
    (tmp_path / "a, b" / "mine.txt").write_text("this")
    script = 'cat /host/mine.txt; id -un; df --output=size -B1 /dev/shm | tail -1; exit "$1"'
    before = ours()
    done = run(built, CELL, "--", "bash", "-c", script, "x", "7", cwd=tmp_path / "a, b")
    text, user, shm = done.stdout.replace("this", "this\n").split()
    assert (done.returncode, text, user) == (7, "this", "ray")
    assert int(shm) == pytest.approx(Engine.connect().memory * 0.3, rel=0.01)
    assert "IS NOT PUBLISHED" in done.stderr
    assert ours() == before


def test_a_shell_reads_what_is_typed(built: Checkout) -> None:
    done = run(built, f"ray-app:{CELL}", "--shm-size", "1g", typed="echo $((6*7)); exit 3\n")
    assert (done.returncode, done.stdout) == (3, "42\n")
    assert "warning: shared memory is 1.0 GiB, under 30 %" in done.stderr


def test_one_that_is_kept_is_started_again(built: Checkout, kept: str) -> None:
    write = run(built, CELL, "--keep", kept, "--", "bash", "-c", "echo hi > note; exit 4")
    assert write.returncode == 4, write.stderr
    stopped = Engine.connect().resources(f"{KIND}={NODE}")
    assert kept in {one.name for one in stopped}
    assert run(built, "--keep", kept, "--", "cat", "note").stdout == "hi\n"
    other = run(built, "2.55.1-py311-cpu", "--keep", kept)
    assert other.returncode == 8
    assert f"{kept} is there already, of another image" in other.stderr


def test_a_container_of_somebody_elses_is_left_alone(
    built: Checkout, ray_image: str, kept: str
) -> None:
    process.run(["docker", "create", "--name", kept, ray_image])
    done = run(built, CELL, "--keep", kept, "--", "true")
    assert done.returncode == 8
    assert "none of ours" in done.stderr


def test_a_ray_is_started_where_that_is_asked_for(built: Checkout) -> None:
    port = free_port()
    script = "import ray; ray.init(log_to_driver=False); print(ray.cluster_resources()['CPU'] > 0)"
    words = ("--start-ray", "--port", f"{port}:dashboard", "--", "python", "-c", script)
    done = run(built, CELL, *words)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert f"dashboard: http://127.0.0.1:{port}" in done.stderr


def test_what_was_published_is_pulled_by_its_digest(
    ray_image: str, tmp_path: Path, engine: Engine
) -> None:
    checkout = make_checkout(tmp_path)
    repository = f"{checkout.registry}/ray-app"
    try:
        local.ensure(checkout.settings)
        engine.tag(ray_image, f"{repository}:any")
        process.run(["docker", "push", "--quiet", f"{repository}:any"])
        digest = Registry().head(repository, "any")
        assert digest
        engine.remove_image(f"{repository}:any")
        with Ledger.open(checkout.settings.state / "ledger.sqlite") as ledger:
            ledger.record_publication(at(repository, digest))
        local.stop(checkout.settings)  # as after a restart of the machine: it is started again
        done = run(checkout, CELL, "--", "id", "-un")
        assert (done.returncode, done.stdout) == (0, "ray\n"), done.stderr
        assert f"ray-app:{CELL} as published at local: {repository}@{digest}" in done.stderr
        assert "warning" not in done.stderr
    finally:
        engine.remove_image(f"{repository}@{digest}")
        checkout.close()


def at(repository: str, digest: str) -> Publication:
    return Publication(
        build_id=f"ray-app:{CELL}", key="k" * 64, target="local", repository=repository,
        immutable="any", floating=(), manifest_digest=digest, config_digest="", at="now",
    )  # fmt: skip  # only there to be found


def test_an_image_of_another_architecture_is_refused(built: Checkout, tmp_path: Path) -> None:
    ref = f"factory.invalid/elsewhere:{secrets.token_hex(4)}"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    argv = ["docker", "buildx", "build", "--platform=linux/arm64", "--provenance=false"]
    process.run([*argv, f"--tag={ref}", "--load", str(tmp_path)])
    try:
        done = run(built, ref, "--", "true")
    finally:
        Engine.connect().remove_image(ref)
    assert done.returncode == 8
    assert "for linux/arm64, and the engine runs" in done.stderr
