"""What was published runs without the factory, and what was made by hand has its own name."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory import process
from factory.registry import Registry
from tests.integration.conftest import Checkout
from tests.integration.one_cell import CELL, one_cell, ref_of, write_image
from tests.integration.registries import free_port

pytestmark = pytest.mark.engine

TINKERED = """
echo hello > ~/notes
uv pip uninstall -q six
chmod 600 ~/app/main.py
mkdir -p ~/.aws /tmp/left
echo key > ~/.aws/credentials
echo left > /tmp/left/over
sudo install -m 4755 /bin/true /usr/local/bin/helper
"""

EACH_NODE = """
import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


def squares():
    return ray.get_runtime_context().get_node_id(), [number * number for number in range(4)]


ray.init()
group = placement_group([{"CPU": 1}] * 3, strategy="STRICT_SPREAD")
ray.get(group.ready(), timeout=60)
where = ray.remote(lambda: ray.get_runtime_context().get_node_id())
places = [PlacementGroupSchedulingStrategy(group, at) for at in range(3)]
nodes = ray.get([where.options(scheduling_strategy=place).remote() for place in places])
print("nodes:", len(set(nodes)))

task = ray.remote(num_cpus=0)(squares)  # the group has all of the cores
pinned = [task.options(scheduling_strategy=On(node, soft=False)).remote() for node in set(nodes)]
found = dict(ray.get(pinned, timeout=60))
assert set(found) == set(nodes), found
print("squares:", *found.values())
"""
"""The node test of the smoke suite and its square test, as a job: a task in a bundle on each of
three nodes, and one that may run on no other node."""

SAID_BY_EACH = ("nodes: 3", "squares:" + " [0, 1, 4, 9]" * 3)


def docker(*arguments: str, env: dict[str, str] | None = None) -> str:
    return process.run(["docker", *arguments], env=env, timeout=300).stdout.strip()


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A project of one image, published to its own registry, which accepts what is made by hand."""
    with one_cell(tmp_path_factory.mktemp("export")) as made:
        file = made.root / "matrix.yaml"
        matrix = yaml.safe_load(file.read_text())
        matrix["targets"]["local"]["accept"].append("adopted by hand")
        matrix["verify"]["suite"] = "contract"
        file.write_text(yaml.safe_dump(matrix))
        write_image(made, "small", "source: app", {"app/main.py": "print('hello')\n"})
        made.invoke("release")
        yield made


@contextmanager
def committed(checkout: Checkout, script: str) -> Iterator[str]:
    """An image of a container in which a script was run."""
    name = f"factory-test/{secrets.token_hex(4)}:1"
    container = docker("run", "--detach", ref_of(checkout, "small"), "bash", "-ec", script)
    try:
        assert docker("wait", container) == "0", docker("logs", container)
        docker("commit", container, name)
        yield name
    finally:
        docker("rm", "--force", container)
        process.run(["docker", "image", "rm", "--force", name], check=False)


# ------------------------------------------------------------------ export


def test_a_compose_file_runs_a_job_on_three_nodes_and_wants_its_token(released: Checkout) -> None:
    name = f"factory-test-{secrets.token_hex(4)}"
    flags = ("--cell", CELL, "--name", name, "--cpus", "1", "--memory", "3")
    file = released.invoke("export.compose", *flags).stdout.strip()
    port = str(free_port())
    env = {"RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_DASHBOARD_PORT": port}
    compose = ("compose", "--file", file)
    try:
        docker(*compose, "up", "--detach", "--wait", "--wait-timeout", "180", env=env)
        job = ("exec", "-T", "head", "ray", "job", "submit", "--", "python", "-c", EACH_NODE)
        said = docker(*compose, *job, env=env)
        assert all(line in said for line in SAID_BY_EACH), said
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/jobs/")  # our own
    finally:
        docker(*compose, "down", "--volumes", env=env)


def test_every_export_names_what_the_registry_has(released: Checkout) -> None:
    repository = f"{released.registry}/small"
    digest = Registry().head(repository, CELL)
    asks = {
        "export.compose": (),
        "export.kuberay": ("--registry", "mirror.example.org"),
        "export.ray-up": ("--registry", "mirror.example.org", "--region", "eu-west-1"),
    }
    for command, flags in asks.items():
        for file in released.json(command, *flags):
            text = Path(file).read_text()
            host = "mirror.example.org" if flags else released.registry
            assert f"{host}/small@{digest}" in text, file


def test_nodes_elsewhere_are_not_sent_to_this_machine(released: Checkout) -> None:
    said = released.invoke("export.ray-up", "--region", "eu-west-1", expect=2).stderr
    assert "published on this machine alone" in said
    assert "--registry" in said


def test_bake_has_another_name(released: Checkout) -> None:
    one, other = (released.invoke(name).stdout for name in ("bake", "export.bake"))
    assert one == other == ".factory/render/docker-bake.json\n"


# ------------------------------------------------------------------ adopt


def test_what_was_made_by_hand_goes_out_by_a_name_of_its_own(released: Checkout) -> None:
    repository, registry = f"{released.registry}/small", Registry()
    before = registry.head(repository, CELL)
    with committed(released, TINKERED) as name:
        found = released.json("adopt", name, "--as", CELL, "--publish")
        again = released.json("adopt", name, "--as", f"small:{CELL}", "--publish")
    packages = {one["name"]: (one["from"], one["to"]) for one in found["difference"]["packages"]}
    assert set(packages) == {"pypi six"}
    assert packages["pypi six"][1] is None
    assert [layer["bytes"] > 0 for layer in found["layers"]] == [True]
    assert_files(found["files"])
    assert found["verdicts"]["verify"]["partial"] == ["adopted by hand"]
    [published] = found["published"]
    digits = found["config_digest"].removeprefix("sha256:")[:12]
    assert published["immutable"] == f"{CELL}-adopted-{digits}"
    for tag in (published["immutable"], f"{CELL}-adopted"):
        assert registry.head(repository, tag) == published["manifest_digest"]
    assert again["published"] == found["published"]
    assert registry.head(repository, CELL) == before, "the cell's own tag is where it was"
    [build] = released.json("status")["builds"]
    assert [one["digest"] for one in build["published"]] == [before]
    audit = released.invoke("audit", f"{repository}:{CELL}-adopted", expect=6).stdout
    assert "partial: adopted by hand" in audit


def assert_files(found: dict[str, Any]) -> None:
    """What ``TINKERED`` did, and nothing else."""
    assert (found["on_own"], found["layers"]) == (True, 1)
    where = {
        one["path"].rpartition("/site-packages/")[2] or one["path"]: {
            name for name in ("added", "changed", "mode_or_owner", "deleted") if one[name]
        }
        for one in found["where"]
    }
    [package] = [path for path in where if path.startswith("six-")]
    assert where == {
        "/home/ray/notes": {"added"},
        "/home/ray/app/main.py": {"mode_or_owner"},
        "/home/ray/.aws/credentials": {"added"},
        "/usr/local/bin/helper": {"added"},
        "six.py": {"deleted"},
        package: {"deleted"},
    }
    assert {one["what"]: one["added"] for one in found["noise"]}["temporary files"] == 1
    assert {one["path"]: one["why"] for one in found["look_at"]} == {
        "/home/ray/.aws/credentials": "credentials of AWS",
        "/usr/local/bin/helper": "runs as root",
    }
    total = sum(one["added"] for one in (*found["where"], *found["noise"]))
    assert found["total"]["added"] == total
    left = found["left_out"]
    assert (left["entries"], left["odd_names"], left["unread"]) == (0, 0, [])


def test_what_fails_is_not_published(released: Checkout) -> None:
    with committed(released, "rm -rf ~/anaconda3/lib/python3.11/site-packages/ray") as name:
        said = released.invoke("adopt", name, "--as", CELL, "--publish", expect=5).stderr
        digits = docker("image", "inspect", "--format", "{{.Id}}", name)
    assert f"{name}, as small:{CELL}: verify failed" in said
    assert digits.removeprefix("sha256:")[:12] not in said
    tags = released.invoke("status").stdout
    assert "adopted" not in tags


def test_the_cells_own_image_and_none_at_all_are_not_adopted(released: Checkout) -> None:
    own = ref_of(released, "small")
    said = released.invoke("adopt", own, "--as", CELL, expect=2).stderr
    assert "there is nothing to adopt" in said
    said = released.invoke("adopt", "factory-test/none:1", "--as", CELL, expect=2).stderr
    assert "the engine has no image factory-test/none:1" in said


def test_an_image_for_another_architecture_is_not_adopted(
    released: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    name = f"factory-test/{secrets.token_hex(4)}:1"
    docker("buildx", "build", "--load", "--platform=linux/arm64", f"--tag={name}", str(tmp_path))
    try:
        said = released.invoke("adopt", name, "--as", CELL, expect=5).stderr
    finally:
        docker("image", "rm", name)
    assert "it is an image for linux/arm64, and the engine runs linux/amd64" in said
