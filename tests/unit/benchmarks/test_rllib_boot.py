"""What `bench rllib-boot` compares, and what it makes of that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from benchmarks import machine, rllib_boot
from benchmarks.booted import MBITS, Linked, Taken
from benchmarks.notes import (
    _INSTALLED,
    FILE,
    PIP,
    Answer,
    Notes,
    Took,
    answer,
    as_written,
    missing,
    script,
    see_that_all_was_pulled,
)
from benchmarks.rllib_boot import pair_of
from benchmarks.tree import Tree
from factory import process
from factory.build import PackageSources
from factory.engine import Engine
from factory.errors import ConfigError, FactoryError, MachineError
from factory.model import Build, Cell, Chosen
from factory.process import Completed, ProcessFailed
from factory.runs import LABEL
from factory.settings import Settings

SECRET = "https://user:password@index.example/simple"
PLAIN = Build(image="app", cell=Cell(python="3.11", ray="2.60.0", device="cpu"))
RLLIB = replace(PLAIN, cell=replace(PLAIN.cell, rllib=True))


def said(steps: Mapping[str, int]) -> str:
    return "Connected.\n" + json.dumps({"waited_seconds": 0.5, "steps": steps}) + "\n"


def took(seconds: float, install: float = 0.0) -> Took:
    return Took(pull=0.25 * seconds, boot=0.5 * seconds, job=0.25 * seconds, install=install)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    env = {"FACTORY_ROOT": str(tmp_path), "HOME": str(tmp_path)}
    made = Tree(folder=tmp_path, settings=Settings.from_environment(env), mark="bench-1")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "torch.whl").touch()
    sources = PackageSources(index=SECRET, find_links=(tmp_path / "wheels",))
    found = Notes(tree=made, ref="it", workers=2, requirements=["torch==1"], sources=sources)
    found.ready()
    return found


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Takes commands down instead of running them: pip takes 7 and 9 seconds, and all goes well."""
    made: list[list[str]] = []
    answers = {"python": said({"a": 128, "b": 128, "c": 128}), "logs": "installed in 7 s\n" * 2}
    answers["logs"] += "worker-1 | installed in 9 s\n"

    def run(argv: Sequence[str], **_: Any) -> Completed:
        made.append(list(argv))
        out = next((text for word, text in answers.items() if word in argv), "")
        return Completed(argv=tuple(argv), code=0, stdout=out, stderr="", seconds=0.0)

    monkeypatch.setattr("factory.process.run", run)
    monkeypatch.setattr(Notes, "_layers", lambda _: {})
    return made


def test_the_two_builds_differ_in_rllib_alone() -> None:
    other = replace(PLAIN, image="other")
    pair = pair_of([other, PLAIN, RLLIB])
    assert (pair.plain, pair.rllib) == (PLAIN, RLLIB)


@pytest.mark.parametrize(
    "builds",
    [
        [PLAIN],
        [RLLIB],
        [replace(PLAIN, image="other"), RLLIB],
        [replace(one, cell=replace(one.cell, device="gpu")) for one in (PLAIN, RLLIB)],
    ],
)
def test_without_two_such_there_is_nothing_to_compare(builds: list[Build]) -> None:
    with pytest.raises(ConfigError, match="with RLlib and without"):
        pair_of(builds)


def test_nodes_install_what_the_image_lacks_at_the_same_versions() -> None:
    base = "numpy==2.4.5\nray==2.60.0\n"
    assert missing("numpy==2.4.6\nray==2.60.0\ntorch==2.13.0+cpu\n", base) == [
        "numpy==2.4.6",
        "torch==2.13.0+cpu",
    ]


@pytest.mark.parametrize("ours", ["ray==2.60.0\n", "ray==2.60.0\ntorch @ file:///torch.whl\n"])
def test_what_no_source_has_is_refused(ours: str) -> None:
    with pytest.raises(FactoryError, match="cannot be asked to install"):
        missing(ours, "ray==2.60.0\n")


def test_a_job_counts_if_every_node_trained() -> None:
    steps = {"a": 128, "b": 128, "c": 1}
    assert answer(said(steps), 3) == Answer(waited=0.5, steps=steps)


@pytest.mark.parametrize(
    "text", [said({"a": 1, "b": 1}), said({"a": 1, "b": 1, "c": 0}), "", "done\n", "3\n", "{}\n"]
)
def test_a_job_that_did_less_counts_for_nothing(text: str) -> None:
    with pytest.raises(FactoryError, match=r"did not train on 3 nodes|no result"):
        answer(text, 3)


def test_an_image_that_is_partly_there_is_refused() -> None:
    layers = {"sha256:a1b": 5_000, "sha256:e0e": 16, "sha256:b2b": 7_000}
    see_that_all_was_pulled("a1b: Download complete\nb2b: Download complete\n", layers)
    see_that_all_was_pulled("a1b: Download complete\ne0e: Already exists\n", layers)
    with pytest.raises(FactoryError, match="5000 bytes of layers were in the engine"):
        see_that_all_was_pulled("a1b: Already exists\nb2b: Download complete\n", layers)


def test_nodes_install_from_where_this_machine_does(tmp_path: Path) -> None:
    sources = PackageSources(ca=tmp_path / "ca.crt", proxies=(("http_proxy", "http://a$b:1"),))
    text = script(["echo", *PIP], sources)
    check = 'echo "$PIP_CONFIG_FILE $PIP_CERT $http_proxy"\n'
    done = process.run(["bash", "-e"], stdin=(text + check).encode())
    asked_for, installed, found = done.stdout.splitlines()
    assert asked_for == f"{' '.join(PIP)} --requirement /run/sources/requirements.txt"
    assert _INSTALLED.fullmatch(installed)
    assert found == "/run/sources/pip.conf /run/sources/ca.crt http://a$b:1"
    assert "CERT" not in script(PIP, PackageSources())


def test_what_nodes_read_is_shut_away(notes: Notes) -> None:
    folder = notes.tree.folder / "notes"
    assert folder.stat().st_mode & 0o077 == 0
    assert SECRET in (folder / "sources" / "pip.conf").read_text("utf-8")
    assert (folder / "sources" / "wheels" / "torch.whl").exists()


def asked(notes: Notes) -> str:
    return (notes.tree.folder / "notes" / "sources" / "requirements.txt").read_text("utf-8")


def test_people_leave_the_dependencies_to_pip_and_torch_to_pypi(
    notes: Notes, commands: list[list[str]]
) -> None:
    notes.run()
    assert asked(notes) == "torch==1\n"
    notes.run_plain(as_written("2.60.0", ["dm-tree==1", "torch==2.13.0+cpu"]), at_once=False)
    assert asked(notes) == "ray[rllib]==2.60.0\ntorch==2.13.0,!=2.13.0+cpu\n"
    text = (notes.tree.folder / "notes" / "sources" / "install.sh").read_text("utf-8")
    assert "pip install --quiet --requirement" in text
    assert len([argv for argv in commands if "down" in argv]) == 2


def test_without_torch_there_is_nothing_that_people_would_write() -> None:
    with pytest.raises(FactoryError, match="no torch"):
        as_written("2.60.0", ["dm-tree==1"])


def test_the_way_of_the_notes_pulls_boots_runs_the_job_and_is_removed(
    notes: Notes, commands: list[list[str]]
) -> None:
    assert notes.run().install == 9.0
    known = ("pull", "up", "exec", "logs", "down")
    verbs = [next(word for word in known if word in argv) for argv in commands]
    assert verbs == ["pull", "up", "exec", "exec", "logs", "down"]
    assert "--scale=worker=2" in commands[1]
    assert commands[3][-1] == "3"
    assert not any(SECRET in word for argv in commands for word in argv)


def test_it_is_removed_though_it_broke_off(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Completed:
        commands.append(list(argv))
        done = Completed(argv=tuple(argv), code=1, stdout="", stderr="no such wheel", seconds=0.0)
        if "up" in argv:
            raise ProcessFailed(done)
        return done

    monkeypatch.setattr("factory.process.run", run)
    monkeypatch.setattr(Notes, "_layers", lambda _: {})
    with pytest.raises(FactoryError) as broken:
        notes.run()
    assert "no such wheel" in broken.value.detail
    assert "down" in commands[-1]


def test_every_node_of_the_notes_installs_and_bears_the_runs_label() -> None:
    document = yaml.safe_load(FILE.read_text("utf-8"))
    head = document["services"]["head"]
    for service in document["services"].values():
        assert "bash -e /run/sources/install.sh &&" in service["command"][-1]
        assert ("until $AT_ONCE ||" in service["command"][-1]) == (service is not head)
        assert set(service["labels"]) == {LABEL}
        assert "healthcheck" not in service
    assert set(document["networks"]["default"]["labels"]) == {LABEL}


def taken(ours: list[float], linked: Linked | None = None) -> Taken:
    return Taken(
        ours=[*map(took, ours)],
        careful=[took(40.0, install=20.0), took(40.0), took(1.0)],
        uv=took(30.0),
        at_once=took(80.0),
        notes=took(100.0, install=40.0),
        linked=linked,
    )


@pytest.mark.parametrize(("ours", "met"), [([20.0, 20.0, 90.0], True), ([20.2] * 3, False)])
def test_a_fifth_of_the_time_is_the_limit(
    monkeypatch: pytest.MonkeyPatch, notes: Notes, ours: list[float], met: bool
) -> None:
    monkeypatch.setattr(machine, "facts", lambda _: {})
    engine = Engine.__new__(Engine)  # asked for nothing
    figure = rllib_boot._figure(engine, pair_of([PLAIN, RLLIB]), notes, taken(ours))
    assert [target.met for target in figure.targets] == [met]
    assert figure.values["notes_parts"] == {
        "pull_seconds": 25.0,
        "boot_seconds": 50.0,
        "install_seconds": 40.0,
        "job_seconds": 25.0,
    }
    assert "install_seconds" not in figure.values["factory_parts"]
    assert figure.values["at_once_ratio"] == round(ours[0] / 80.0, 3)
    assert figure.values["careful_ratio"] == round(ours[0] / 40.0, 3)
    assert not any(name.startswith("link_") for name in figure.values)


def test_slow_links_have_a_target_of_their_own() -> None:
    found = taken([30.0], Linked(ours=took(40.0), notes=took(200.0)))
    assert [target.met for target in found.targets()] == [False, True]
    assert f"by {MBITS} Mbit/s" in found.targets()[1].name
    assert found.values()["link_ratio"] == 0.2
    assert found.values()["ratio"] == 0.3


def test_links_that_cannot_be_made_slow_cost_no_other_figure(
    monkeypatch: pytest.MonkeyPatch, notes: Notes
) -> None:
    def refused(*_: object) -> NoReturn:
        raise MachineError("`tc` needs root")

    monkeypatch.setattr("benchmarks.link.limited", refused)
    said: list[str] = []
    chosen = Chosen(ref="ray-rl", name="ray-rl")
    bench = rllib_boot._Bench(
        tree=notes.tree, ours=chosen, notes=notes, written=[], say=said.append
    )
    assert bench._linked() is None
    assert said == [f"not taken with links of {MBITS} Mbit/s: `tc` needs root"]
