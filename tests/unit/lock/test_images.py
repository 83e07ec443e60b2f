"""Locks on base images: digests by HEAD, and what goes with the packages that an image has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from factory.errors import ConfigError, MachineError
from factory.model import BASES_LOCK, Lock, Pin, Selection, parse_lock
from factory.pipeline import prepare
from tests.unit.lock.shelves import Shelf
from tests.unit.registry.server import Answer, Asked, Served, serving

OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
APP = "images/demo/locks/py311.txt"


@dataclass
class Mirror:
    """A registry that says of every tag that it is one digest.

    Attributes:
        inside: what its images have, by name to version.
        asked: the images that were looked into.
    """

    served: Served
    digest: str = OLD
    inside: dict[str, str] = field(default_factory=lambda: {"ray": "2.60.0", "click": "8.1.0"})
    asked: list[str] = field(default_factory=list)

    def look_into(self, image: str, digest: str) -> Lock:
        self.asked.append(f"{image}@{digest}")
        return Lock(
            made_for=digest,
            pins={name: Pin(version=version) for name, version in self.inside.items()},
        )


@pytest.fixture
def mirror(shelved: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    def answer(asked: Asked) -> Answer:
        return 200, {"Docker-Content-Digest": made.digest}, b"{}"

    with serving(answer) as served:
        made = Mirror(served=served)
        monkeypatch.setattr("factory.lock.packages_in", made.look_into)
        shelved.edit(
            "matrix.yaml", "source: packages", f"source: registry\n  mirror: {served.host}"
        )
        shelved.edit("matrix.yaml", ', "2.55.1"', "")
        yield made


def tag(mirror: Mirror) -> str:
    return f"{mirror.served.host}/rayproject/ray:2.60.0-py311-cpu"


def test_tags_are_looked_up_by_head_and_pinned(shelved: Shelf, mirror: Mirror) -> None:
    said = shelved.lock()
    assert json.loads(shelved.files()[BASES_LOCK]) == {tag(mirror): OLD}
    assert {asked.method for asked in mirror.served.asked} == {"HEAD"}
    assert f"{tag(mirror)} (not locked) → {OLD[:19]} in {BASES_LOCK}" in said
    base = next(iter(prepare(shelved.settings, Selection()).plan.steps.values()))
    assert base.unresolved == ()
    assert f"FROM {tag(mirror)}@{OLD}" in base.dockerfile


def test_what_an_image_has_is_not_locked_again_nor_contradicted(
    shelved: Shelf, mirror: Mirror
) -> None:
    shelved.ask_for("click", "fsspec")
    shelved.lock()
    assert parse_lock(shelved.files()[APP], APP).versions == {"fsspec": "2026.4.0"}
    listed = parse_lock(shelved.files()["dockerfiles/locks/base/2.60.0-py311.txt"], "")
    assert (listed.made_for, listed.versions) == (OLD, mirror.inside)
    assert shelved.check() == []
    shelved.ask_for("click==8.2.0")
    with pytest.raises(ConfigError) as caught:
        shelved.lock()
    assert any("8.1.0" in line for line in caught.value.detail)


def test_what_is_locked_stays_until_it_is_to_be_the_newest(shelved: Shelf, mirror: Mirror) -> None:
    shelved.lock()
    before, mirror.digest = shelved.files(), NEW
    assert shelved.lock() == []
    assert shelved.files() == before
    assert len(mirror.asked) == 1
    shelved.lock(upgrade=True)
    assert json.loads(shelved.files()[BASES_LOCK]) == {tag(mirror): NEW}
    assert mirror.asked[1:] == [f"{tag(mirror)}@{NEW}"]


def test_an_image_that_is_not_there_is_to_be_fetched_and_nothing_is_written(
    shelved: Shelf, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("factory.locker.host_sources", lambda: shelved.sources)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(MachineError) as caught:
        shelved.lock()
    assert caught.value.exit_code == 7
    repository = tag(mirror).rpartition(":")[0]
    assert f"docker pull {repository}@{OLD}" in caught.value.todo
    assert shelved.files() == {}


def test_images_without_requirements_need_no_look_inside(shelved: Shelf, mirror: Mirror) -> None:
    shelved.edit("images/demo/image.yaml", "requirements: requirements.txt\n", "")
    shelved.lock()
    assert mirror.asked == []
    assert shelved.check() == []


def test_check_names_a_tag_that_is_not_pinned(shelved: Shelf, mirror: Mirror) -> None:
    shelved.lock()
    (shelved.root / BASES_LOCK).write_text(json.dumps({"docker.io/x/y:1": NEW}))
    (shelved.root / APP).unlink()
    said = shelved.check()
    assert f"{BASES_LOCK}: {tag(mirror)} is not in it" in said
    assert f"{BASES_LOCK}: docker.io/x/y:1 is in it, and nothing names it" in said


def test_check_names_a_list_of_another_digest(shelved: Shelf, mirror: Mirror) -> None:
    shelved.lock()
    shelved.edit(BASES_LOCK, OLD, NEW)
    assert any("not listed as of its digest" in line for line in shelved.check())


def test_an_image_that_a_template_names_is_pinned_too(shelved: Shelf, mirror: Mirror) -> None:
    other = f"{mirror.served.host}/tools/git:2"
    shelved.edit(
        "dockerfiles/app.Dockerfile.j2",
        "FROM scratch AS packages\n",
        f"FROM scratch AS packages\nFROM {other} AS tools\n",
    )
    shelved.edit(
        "dockerfiles/app.Dockerfile.j2", "LABEL org", "COPY --from=tools /git /git\nLABEL org"
    )
    shelved.lock()
    assert set(json.loads(shelved.files()[BASES_LOCK])) == {tag(mirror), other}


def test_a_base_that_has_moved_is_outdated(shelved: Shelf, mirror: Mirror) -> None:
    shelved.lock()
    mirror.digest = NEW
    [moved] = [one for one in shelved.outdated() if one.kind == "base"]
    assert (moved.name, moved.now, moved.newest) == (tag(mirror), OLD, NEW)
    assert moved.builds == ("demo:2.60.0-py311-cpu",)


@pytest.mark.parametrize("text", ["[]", "{", '{"a": "b"}', '{"a": 1}'])
def test_a_damaged_lock_of_images_is_told(shelved: Shelf, mirror: Mirror, text: str) -> None:
    shelved.lock()
    (shelved.root / BASES_LOCK).write_text(text)
    with pytest.raises(ConfigError) as caught:
        prepare(shelved.settings, Selection())
    assert caught.value.where == BASES_LOCK
