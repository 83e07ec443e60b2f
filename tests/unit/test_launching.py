"""What a name means: a cell's published digest, what was built here, or any image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory import choosing, launching, process
from factory.choosing import choose
from factory.cluster import found, node
from factory.cluster.found import Found
from factory.cluster.plan import KIND, NODE, SPEC, Node
from factory.engine import Engine, EngineImage
from factory.errors import ClusterError, ConfigError, MachineError
from factory.launching import AskedCluster, AskedNode
from factory.ledger import Ledger
from factory.model import Built, Chosen, Publication
from factory.process import ProcessFailed
from factory.settings import Settings
from tests.unit.cluster.test_telling import WHOLE, place

CELL, OTHER = "2.60.0-py311-cpu", "2.55.1-py311-cpu"
BUILD = f"demo:{CELL}"
DIGEST = "sha256:" + "d" * 64
IMAGE = EngineImage(
    id="sha256:" + "a" * 64, tags=(), user="1000", env=(), labels={}, entrypoint=(), command=(),
    architecture="amd64", size=1,
)  # fmt: skip  # only there to be found
ASKED = AskedCluster(
    cell=None, head=None, worker=None, workers=2, name="local", target=None, ports=(), memory=None,
    shm_size=None, monitoring=False,
)  # fmt: skip  # as typed, without a flag
NODE_ASKED = AskedNode(
    name=None, target=None, shm_size=None, keep=None, ports=(), gpus=False, detach=False, ray=False,
    command=(), terminal=False,
)  # fmt: skip  # likewise


class FakeEngine(Engine):
    """Has the images that it is given, and nothing else."""

    def __init__(self, **images: EngineImage) -> None:
        self.images = {name.replace("_", "/"): image for name, image in images.items()}

    def image(self, ref: str) -> EngineImage | None:
        return self.images.get(ref) or next(
            (one for one in self.images.values() if one.id == ref), None
        )

    platform = "linux/amd64"
    memory = 16 * 2**30
    cores = 4


@pytest.fixture
def settings(tree: Path) -> Settings:
    return Settings.from_environment({"FACTORY_ROOT": str(tree)})


def publish(settings: Settings, target: str = "local") -> None:
    place = Publication(
        build_id=BUILD, key="k", target=target, repository=f"{target}.test/demo", immutable="i",
        floating=(), manifest_digest=DIGEST, config_digest="c", at="now",
    )  # fmt: skip  # only there to be found
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        ledger.record_publication(place)


def build(settings: Settings) -> None:
    built = Built(
        key="k", ref="demo:k", image_id=IMAGE.id, config_digest="c", substituted_base=False,
        reason="", at="now", seconds=1.0,
    )  # fmt: skip  # only there to be found
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        ledger.record_planned({BUILD: "k"})
        ledger.record_built(built)


@pytest.mark.parametrize("name", [CELL, BUILD, None])
def test_a_cell_is_what_was_published_of_it_by_digest(settings: Settings, name: str | None) -> None:
    publish(settings)
    build(settings)
    chosen = choose(settings, FakeEngine(demo=IMAGE), name, None)
    assert chosen.ref == f"local.test/demo@{DIGEST}"
    assert (chosen.name, chosen.target, chosen.unproven) == (BUILD, "local", False)


def test_a_target_is_taken_where_one_is_named(settings: Settings) -> None:
    publish(settings)
    publish(settings, "far")
    assert choose(settings, FakeEngine(), CELL, "far").ref.startswith("far.test/demo@")
    with pytest.raises(ConfigError, match="was never published at 'fat'") as raised:
        choose(settings, FakeEngine(), CELL, "fat")
    assert "far" in raised.value.todo


def test_what_is_built_and_not_published_is_said_to_be_unproven(settings: Settings) -> None:
    build(settings)
    engine = FakeEngine(demo=IMAGE)
    chosen = choose(settings, engine, CELL, None)
    assert (chosen.ref, chosen.unproven) == (IMAGE.id, True)
    said: list[str] = []
    assert choosing.present(settings, engine, chosen, said.append) == IMAGE.id
    assert said == [f"warning: {BUILD} IS NOT PUBLISHED: this is what was built here, unproven"]


def test_what_was_built_once_and_is_gone_is_not_there(settings: Settings) -> None:
    build(settings)
    with pytest.raises(ConfigError, match="was never published, and is not built here") as raised:
        choose(settings, FakeEngine(), CELL, None)
    assert raised.value.todo == f"`invoke release --only {BUILD}`"


def test_anything_else_is_an_image(settings: Settings, tmp_path: Path) -> None:
    assert choose(settings, FakeEngine(), "rayproject/ray:2.60.0", None).ref.startswith("rayp")
    assert choose(settings, FakeEngine(mine=IMAGE), "mine", None).build is None
    nowhere = Settings.from_environment({"FACTORY_ROOT": str(tmp_path)})
    assert choose(nowhere, FakeEngine(), "busybox", None) == Chosen(ref="busybox", name="busybox")
    with pytest.raises(ConfigError, match="run what"):
        choose(nowhere, FakeEngine(), None, None)


def test_a_misspelt_cell_is_not_pulled(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="is no cell, no build") as raised:
        choose(settings, FakeEngine(), "2.60.0-py311", None)
    assert CELL in raised.value.todo


@pytest.mark.parametrize("name", ["", "-v", "a b", "$(id)"])
def test_what_is_no_name_reaches_no_program(settings: Settings, name: str) -> None:
    with pytest.raises(ConfigError, match="is no image's name"):
        choose(settings, FakeEngine(), name, None)


def test_an_image_of_another_architecture_is_refused(settings: Settings) -> None:
    engine = FakeEngine(mine=replace(IMAGE, architecture="arm64"))
    with pytest.raises(ClusterError, match="for linux/arm64, and the engine runs linux/amd64"):
        choosing.present(settings, engine, Chosen(ref="mine", name="mine"), print)


def test_what_the_engine_lacks_is_pulled(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()

    def pull(ref: str, *_: object) -> None:
        engine.images[ref] = IMAGE

    monkeypatch.setattr(choosing, "pull", pull)
    assert choosing.present(settings, engine, Chosen(ref="far/it", name="it"), print) == "far/it"


def up(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    there: Sequence[Found] = (),
    taken: Sequence[int] = (),
    **asked: Any,
) -> list[str]:
    """What is said of a cluster that is asked for."""
    said: list[str] = []
    engine = FakeEngine(one_it=IMAGE, other_it=replace(IMAGE, id="sha256:b"))
    monkeypatch.setattr(Engine, "connect", lambda: engine)
    monkeypatch.setattr(launching, "clusters", lambda: there)
    monkeypatch.setattr(found, "holding", lambda ports: {p: "it" for p in ports if p in taken})
    launching.local(settings, replace(ASKED, **asked), said.append)
    return said


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"head": "one/it"}, "--head and --worker go together"),
        ({"cell": "one/it", "head": "one/it", "worker": "one/it"}, "go together"),
        ({"cell": "one/it", "workers": 65}, "'65' is no number of workers"),
        ({"cell": "one/it", "workers": -1}, "'-1' is no number of workers"),
        ({"cell": "one/it", "name": "A"}, "is no name for a cluster"),
    ],
)
def test_a_call_that_is_wrong_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        up(settings, monkeypatch, **asked)


def test_too_little_memory_is_found_before_an_image_is_looked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MachineError, match="21 nodes"):
        up(settings, monkeypatch, cell="nobody/has-it", workers=20)


def test_what_other_clusters_hold_is_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [replace(WHOLE, name="first")]  # 2 nodes of 4 GiB
    asked: dict[str, Any] = {"cell": "one/it", "workers": 1, "there": there}
    assert up(settings, monkeypatch, memory="4G", **asked) == []
    [said] = up(settings, monkeypatch, memory="5G", **asked)
    assert said.startswith("warning: 2 nodes may take 5.0 GiB each, other clusters 8.0 GiB, and")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "local", "there": [WHOLE]}, "there is a cluster local already"),
        ({"taken": [8265]}, "port 8265, which is for the dashboard, is taken by it"),
        ({"taken": [9000], "monitoring": True}, "port 9000, which is for the prometheus"),
    ],
)
def test_a_name_or_a_port_that_is_taken_is_found_before_an_image_is_looked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr(launching, "choose", lambda *_: pytest.fail("it was looked for"))
    with pytest.raises(ClusterError, match=says):
        up(settings, monkeypatch, cell="nobody/has-it", **asked)


def test_growing_counts_what_other_clusters_hold(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Engine, "connect", FakeEngine)
    monkeypatch.setattr(launching, "clusters", lambda: [WHOLE])
    launching.again(settings, WHOLE, 3, said.append)
    assert said == [], "what it holds itself is not counted twice"
    monkeypatch.setattr(launching, "clusters", lambda: [WHOLE, replace(WHOLE, name="other")])
    launching.again(settings, WHOLE, 3, said.append)
    assert said[0].startswith("warning: 4 nodes may take 4.0 GiB each, other clusters 8.0 GiB")


def test_a_head_without_cpus_keeps_a_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "connect", FakeEngine)
    monkeypatch.setattr(launching, "clusters", list)
    with pytest.raises(ConfigError, match="its head has no CPUs") as raised:
        launching.again(settings, WHOLE, 0, print)
    assert "--workers 0" in raised.value.todo
    assert WHOLE.spec
    alone = replace(WHOLE, spec=replace(WHOLE.spec, workers=0))
    launching.again(settings, alone, 0, print)


def kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, made: str, **asked: Any
) -> tuple[list[str], list[list[str]]]:
    """What is said of a container that is kept, there already, and what Docker was asked for."""
    there = replace(place("", ""), image="one/it", labels={KIND: NODE, SPEC: made})
    ran: list[list[str]] = []
    monkeypatch.setattr(Engine, "connect", lambda: FakeEngine(one_it=IMAGE))
    for module in (launching, found):
        monkeypatch.setattr(module, "container", lambda _: there)

    def attached(argv: list[str]) -> int:
        ran.append(argv)
        return 0

    monkeypatch.setattr(process, "attached", attached)
    said: list[str] = []
    wanted = launching.node(settings, replace(NODE_ASKED, keep="mine", **asked), said.append)
    assert node.run(wanted, said.append) == 0
    return said, ran


def test_flags_that_a_kept_container_was_made_without_are_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {
        "ports": ("dashboard",),
        "gpus": True,
        "ray": True,
        "shm_size": "8G",
        "target": "far",
    }
    said, ran = kept(settings, monkeypatch, "--port 1:1", **asked)
    assert said == [
        "warning: mine was made without --port 8265:8265, --shm-size 8G, --target far, --gpus,"
        " --start-ray, and stays as it was made: `docker rm --force mine` lets it be made anew"
    ]
    assert len(ran) == 1, "it is entered all the same"


def test_the_command_that_made_a_kept_container_enters_it_without_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = "--port 8265:8265, --gpus"
    said, _ = kept(settings, monkeypatch, made, name="one/it", ports=("8265",), gpus=True)
    assert said == []
    assert kept(settings, monkeypatch, made)[0] == []


@pytest.mark.parametrize("more", [{}, {"keep": "mine"}, {"detach": True}])
@pytest.mark.parametrize("gpus", [True, False])
def test_gpus_that_the_engine_cannot_give_name_the_toolkit(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], gpus: bool
) -> None:
    def failed(argv: list[str], **_: object) -> process.Completed:
        ended = process.Completed(argv=tuple(argv), code=125, stdout="", stderr="", seconds=0.0)
        raise ProcessFailed(ended)

    monkeypatch.setattr(process, "run", failed)
    monkeypatch.setattr(process, "attached", lambda *_, **__: 125)
    monkeypatch.setattr(found, "container", lambda _: None)
    with pytest.raises(ClusterError, match="the engine did not start it") as raised:
        node.run(Node(image="a", folder="/", shm=1, ports={}, gpus=gpus, **more), print)
    assert ("NVIDIA Container Toolkit" in raised.value.todo) == gpus


def test_head_and_workers_of_two_rays_are_refused_by_their_cells(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings)
    with Ledger.open(settings.state / "ledger.sqlite") as ledger:
        one = ledger.publication(BUILD, "local")
        assert one
        ledger.record_publication(replace(one, build_id=f"demo:{OTHER}"))
    with pytest.raises(ConfigError, match=r"Ray is 2.60.0 on the head and 2.55.1 on the workers"):
        up(settings, monkeypatch, head=CELL, worker=OTHER)


@pytest.mark.parametrize("python", ["3.11.2", "3.11.3"])
def test_head_and_workers_of_two_pythons_are_refused_at_the_patch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    versions = iter([("2.60.0", "3.11.2"), ("2.60.0", python)])
    monkeypatch.setattr(launching, "_versions", lambda *_: next(versions))
    if python == "3.11.2":
        assert up(settings, monkeypatch, head="one/it", worker="other/it") == []
        return
    with pytest.raises(ConfigError, match=r"Python is 3.11.2 on the head and 3.11.3"):
        up(settings, monkeypatch, head="one/it", worker="other/it")
