"""`lock` and `lock --check`, with uv itself and an index of small wheels."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.build import PackageSources
from factory.errors import ConfigError, FactoryError, MachineError
from factory.model import Selection, parse_lock
from factory.pipeline import prepare
from tests.unit.indexes import make_wheel
from tests.unit.lock.shelves import NOBODY, Shelf

BASE = "dockerfiles/locks/base/2.60.0-py311.txt"
APP = "images/demo/locks/py311.txt"


def refused(act: Callable[[], object]) -> FactoryError:
    with pytest.raises(FactoryError) as caught:
        act()
    return caught.value


def versions(shelved: Shelf, path: str) -> dict[str, str]:
    return parse_lock((shelved.root / path).read_text(), path).versions


def test_each_step_locks_what_those_before_it_lack(shelved: Shelf) -> None:
    shelved.ask_for("pandas", "click")
    said = shelved.lock()
    assert set(shelved.files()) == {BASE, BASE.replace("2.60.0", "2.55.1"), APP}
    assert versions(shelved, BASE) == {
        "ray": "2.60.0",
        "click": "8.2.0",
        "pip": "26.0",
        "setuptools": "80.0",
        "wheel": "0.45",
    }
    assert versions(shelved, APP) == {"pandas": "3.0.0", "fsspec": "2026.4.0"}
    assert f"{APP} is new: 2 packages" in said


def test_no_path_and_no_index_is_in_a_lock(shelved: Shelf) -> None:
    shelved.lock()
    for text in shelved.files().values():
        assert "://" not in text
        assert str(shelved.root) not in text


def test_a_locked_project_is_planned_and_fits(shelved: Shelf) -> None:
    shelved.lock()
    assert shelved.check() == []
    plan = prepare(shelved.settings, Selection()).plan
    for step in plan.steps.values():
        if step.kind in ("base", "app"):
            assert "--require-hashes" in step.dockerfile
            assert step.wheels is None


def test_locking_again_changes_nothing_though_there_is_something_newer(shelved: Shelf) -> None:
    shelved.lock()
    before = shelved.files()
    shelved.provide("click", "8.3.0")
    assert shelved.lock() == []
    assert shelved.files() == before


def test_upgrading_takes_what_is_newest(shelved: Shelf) -> None:
    shelved.lock()
    shelved.provide("click", "8.3.0")
    assert f"click 8.2.0 → 8.3.0 in {BASE}" in shelved.lock(upgrade=True)


def test_what_an_image_insists_on_is_what_its_base_gets(shelved: Shelf) -> None:
    shelved.ask_for("click==8.1.0")
    shelved.lock()
    assert versions(shelved, BASE)["click"] == "8.1.0"
    assert versions(shelved, APP) == {}
    assert shelved.check() == []


def test_a_conflict_with_rays_own_pins_is_told_in_uvs_words(shelved: Shelf) -> None:
    shelved.provide("click", "7.0.0")
    shelved.ask_for("click<8")
    error = refused(shelved.lock)
    assert error.exit_code == 2
    assert error.where == "images/demo/requirements.txt"
    assert any("click" in line for line in error.detail)
    assert shelved.files() == {}


def test_what_cannot_be_had_for_one_cell_leaves_all_files_as_they_were(shelved: Shelf) -> None:
    shelved.lock()
    before = shelved.files()
    shelved.ask_for("fsspec==2026.4.0", "nowhere==1")
    error = refused(lambda: shelved.lock(upgrade=True))
    assert isinstance(error, ConfigError)
    assert shelved.files() == before


def test_an_index_that_does_not_answer_lacks_to_this_machine(shelved: Shelf) -> None:
    shelved.sources = PackageSources(index=NOBODY)
    error = refused(shelved.lock)
    assert isinstance(error, MachineError)
    assert error.exit_code == 7
    assert shelved.files() == {}


@pytest.mark.parametrize(
    "line",
    [
        *("-r other.txt", "-rother.txt", "-e .", "--index-url https://me:hush@index.example/x"),
        *("--pre", "demo @ https://files.example/demo.whl", "./demo-1.0-py3-none-any.whl"),
        *("git+https://code.example/demo.git", "https://files.example/demo-1.0.tar.gz"),
    ],
)
def test_lines_that_no_lock_can_hold_are_refused_with_their_place(
    shelved: Shelf, line: str
) -> None:
    shelved.ask_for("# why", "fsspec==2026.4.0", line)
    error = refused(shelved.lock)
    assert isinstance(error, ConfigError)
    assert error.where == "images/demo/requirements.txt:3"
    assert error.todo
    assert "hush" not in str(error)
    assert shelved.files() == {}


def test_a_line_that_is_no_requirement_is_named(shelved: Shelf) -> None:
    shelved.ask_for("two words")
    error = refused(shelved.lock)
    assert isinstance(error, ConfigError)
    assert error.where == "images/demo/requirements.txt"


def test_a_base_that_may_come_from_here_or_there_is_not_locked(shelved: Shelf) -> None:
    shelved.edit("matrix.yaml", "source: packages", "source: auto")
    assert isinstance(refused(shelved.lock), ConfigError)


def test_files_that_no_cell_uses_go(shelved: Shelf) -> None:
    shelved.lock()
    shelved.edit("matrix.yaml", ', "2.55.1"', "")
    said = shelved.lock()
    assert "dockerfiles/locks/base/2.55.1-py311.txt is gone: no cell uses it" in said
    assert set(shelved.files()) == {BASE, APP}


def test_only_what_was_selected_is_asked_for(shelved: Shelf) -> None:
    shelved.lock()
    before = shelved.files()
    shelved.provide("click", "8.3.0")
    shelved.seen.ran.clear()
    shelved.lock("2.60.0-*", upgrade=True)
    other = "dockerfiles/locks/base/2.55.1-py311.txt"
    assert shelved.files()[other] == before[other]
    assert shelved.files()[BASE] != before[BASE]
    assert not [work for work in shelved.seen.ran if "base of 2.55.1" in work]


def test_equal_questions_are_asked_once(shelved: Shelf) -> None:
    shelved.edit("matrix.yaml", ', "2.55.1"', "")
    shelved.edit("matrix.yaml", "axes:\n", "axes:\n  flavour: [plain, spicy]\n")
    shelved.edit("matrix.yaml", 'latest: {ray: "2.60.0"}', "")
    shelved.lock()
    cell = "2.60.0-py311-cpu-plain"
    assert shelved.seen.ran == [f"lock base of {cell}", f"lock demo:{cell}"]
    assert set(shelved.files()) == {BASE, APP}


def test_images_that_want_different_versions_of_what_they_share_are_told(shelved: Shelf) -> None:
    for name, line in (("demo", "click==8.1.0"), ("other", "click==8.2.0")):
        folder = shelved.root / "images" / name
        (folder / "app").mkdir(parents=True, exist_ok=True)
        (folder / "image.yaml").write_text("description: Adds\nrequirements: requirements.txt\n")
        (folder / "requirements.txt").write_text(f"{line}\n")
    error = refused(shelved.lock)
    assert isinstance(error, ConfigError)
    assert error.where == "images/demo/requirements.txt", "the base has the newest, 8.2.0"
    assert any("8.1.0" in line for line in error.detail)


def test_an_image_may_be_called_as_a_step_is(shelved: Shelf) -> None:
    (shelved.root / "images/demo").rename(shelved.root / "images/base")
    shelved.lock()
    assert shelved.check() == []
    assert shelved.outdated() == ()


def test_a_lock_that_a_selected_one_would_contradict_is_asked_anew(shelved: Shelf) -> None:
    """What Ray needs begins to need what another image has locked."""
    shelved.edit("matrix.yaml", ', "2.55.1"', "")
    second = shelved.root / "images" / "other"
    (second / "app").mkdir(parents=True)
    (second / "image.yaml").write_text("description: Adds\nrequirements: requirements.txt\n")
    (second / "requirements.txt").write_text("fsspec\n")
    shelved.lock()
    assert versions(shelved, "images/other/locks/py311.txt") == {"fsspec": "2026.4.0"}
    shelved.provide("click", "8.3.0", "fsspec")
    shelved.lock("demo:*", upgrade=True)
    assert versions(shelved, "images/other/locks/py311.txt") == {}
    assert shelved.check() == []


def test_a_cell_without_locks_below_cannot_use_those_above(shelved: Shelf) -> None:
    shelved.lock()
    (shelved.root / BASE).unlink()
    error = refused(lambda: prepare(shelved.settings, Selection()))
    assert isinstance(error, ConfigError)
    assert error.where == APP
    assert "base" in error.what


def test_a_lock_for_other_requirements_is_refused_when_planning(shelved: Shelf) -> None:
    shelved.lock()
    shelved.ask_for("fsspec")
    error = refused(lambda: prepare(shelved.settings, Selection()))
    assert isinstance(error, ConfigError)
    assert error.where == APP
    assert "invoke lock" in error.todo
    assert shelved.check() == [f"{APP}: it was made for other requirements"]


def test_comments_and_the_order_of_requirements_are_nothing_to_a_lock(shelved: Shelf) -> None:
    shelved.ask_for("pandas", "fsspec==2026.4.0")
    shelved.lock()
    shelved.ask_for("# both", "", "fsspec==2026.4.0  # pinned", "pandas")
    assert shelved.check() == []


def test_another_epoch_leaves_locks_fit(shelved: Shelf) -> None:
    shelved.lock()
    shelved.edit("matrix.yaml", '"2026-11"', '"2026-12"')
    assert shelved.check() == []
    assert prepare(shelved.settings, Selection()).plan.steps


def test_another_kind_of_base_does_not(shelved: Shelf) -> None:
    shelved.lock()
    shelved.edit("matrix.yaml", "source: packages", "source: registry")
    assert isinstance(refused(lambda: prepare(shelved.settings, Selection())), ConfigError)


def test_check_names_what_is_missing_and_what_is_left_over(shelved: Shelf) -> None:
    shelved.lock()
    (shelved.root / BASE).rename(shelved.root / "dockerfiles/locks/base/py399.txt")
    said = shelved.check()
    assert "dockerfiles/locks/base/py399.txt: no cell uses it" in said
    assert "dockerfiles/locks/base: there is no lock for 2.60.0-py311-cpu" in said


def test_check_finds_a_version_that_is_gone(shelved: Shelf) -> None:
    shelved.lock()
    for file in (shelved.index / "fsspec").iterdir():
        file.unlink()
    [said] = shelved.check()
    assert said.startswith(f"{APP}: it no longer resolves")
    assert "fsspec" in said


def test_check_finds_locks_that_contradict(shelved: Shelf) -> None:
    shelved.lock()
    base = parse_lock((shelved.root / BASE).read_text(), BASE)
    entry = (shelved.root / BASE).read_text().split("click==")[1].split("\npip==")[0]
    assert base.versions["click"] == "8.2.0"
    text = (shelved.root / APP).read_text()
    (shelved.root / APP).write_text(text + "click==" + entry.replace("8.2.0", "8.1.0") + "\n")
    assert f"{APP}: click 8.1.0 contradicts 8.2.0 in {BASE}" in shelved.check()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sha256:", "sha256:" + "0" * 8, "no whole lock"),
        (" \\\n    --hash=sha256:", "\n# ", "no whole lock"),
        ("==2026.4.0", "==2026.4.1", "no longer resolves"),
    ],
)
def test_what_was_edited_by_hand_is_found(shelved: Shelf, old: str, new: str, said: str) -> None:
    shelved.lock()
    shelved.edit(APP, old, new)
    try:
        found = "\n".join(shelved.check())
    except ConfigError as error:
        found = str(error)
    assert said in found


def test_a_hash_that_nobody_knows_is_found(shelved: Shelf) -> None:
    shelved.lock()
    text = (shelved.root / APP).read_text()
    known = text.split("sha256:")[1][:64]
    (shelved.root / APP).write_text(text.replace(known, "0" * 64))
    assert shelved.check() == [f"{APP}: fsspec 2026.4.0 has a hash that no package source knows"]


def test_what_a_lock_lacks_or_has_too_much_is_found(shelved: Shelf) -> None:
    shelved.ask_for("pandas")
    shelved.lock()
    text = (shelved.root / APP).read_text()
    head, fsspec = text.split("fsspec==")
    (shelved.root / APP).write_text(head + "pandas==" + fsspec.split("pandas==")[1])
    assert shelved.check() == [f"{APP}: fsspec, which is needed, is missing"]


@pytest.mark.parametrize("end", [1, 3])
def test_a_lock_that_was_cut_off_is_no_lock(shelved: Shelf, end: int) -> None:
    shelved.lock()
    file = shelved.root / APP
    file.write_text(file.read_text()[: -20 * end])
    for act in (lambda: prepare(shelved.settings, Selection()), shelved.check, shelved.lock):
        error = refused(act)
        assert isinstance(error, ConfigError)
        assert error.where.startswith(f"{APP}:")


def test_an_index_that_is_silent_leaves_check_without_an_answer(shelved: Shelf) -> None:
    shelved.lock()
    shelved.sources = PackageSources(index=NOBODY)
    assert isinstance(refused(shelved.check), MachineError)


def test_check_writes_nothing(shelved: Shelf) -> None:
    shelved.check()
    assert shelved.files() == {}


def test_a_disk_that_fails_half_way_changes_no_file(
    shelved: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelved.lock()
    before = shelved.files()
    shelved.provide("click", "8.3.0")
    real = Path.write_text
    written: list[Path] = []

    def failing(self: Path, data: str, **more: str) -> int:
        if self.parent.name.startswith("locks-"):
            written.append(self)
            if len(written) == 2:
                raise OSError(28, "No space left on device")
        return real(self, data, **more)

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(OSError, match="No space"):
        shelved.lock(upgrade=True)
    monkeypatch.undo()
    assert len(written) == 2
    assert shelved.files() == before


TAG = "cp311-cp311-manylinux_2_28_x86_64"


def with_own_ray(shelved: Shelf, *requires: str) -> str:
    """A Ray wheel of the user's own, locked; returns its name."""
    wheel = f"ray-2.60.0-{TAG}.whl"
    make_wheel(shelved.root / "wheels", "ray", "2.60.0", TAG, *requires)
    shelved.edit("matrix.yaml", ', "2.55.1"', "")
    packages = f"packages: {{wheel: wheels/{wheel}}}"
    shelved.edit("matrix.yaml", '"2026-11"', f'"2026-11"\n  {packages}')
    shelved.ask_for("ray", "fsspec")
    shelved.lock()
    return wheel


def test_another_wheel_of_that_name_keeps_its_lock_only_if_it_depends_on_the_same(
    shelved: Shelf,
) -> None:
    wheel = with_own_ray(shelved, "click>=8")
    before = shelved.files()
    make_wheel(shelved.root / "wheels", "ray", "2.60.0", TAG, "click>=8")
    with zipfile.ZipFile(shelved.root / "wheels" / wheel, "a") as archive:
        archive.writestr("ray/more.py", "")
    assert shelved.check() == []
    make_wheel(shelved.root / "wheels", "ray", "2.60.0", TAG, "click>=8", "fsspec")
    error = refused(lambda: prepare(shelved.settings, Selection()))
    assert "made for other requirements" in str(error)
    shelved.lock()
    assert shelved.files() != before
    assert prepare(shelved.settings, Selection()).plan.builds


@pytest.mark.parametrize("damage", [lambda _: b"PK no zip", lambda held: _damaged(held)])
def test_what_is_no_wheel_is_named(
    shelved: Shelf, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    wheel = with_own_ray(shelved, "click>=8")
    file = shelved.root / "wheels" / wheel
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(tmp_path / "new", "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    file.write_bytes(damage((tmp_path / "new").read_bytes()))
    error = refused(lambda: prepare(shelved.settings, Selection()))
    assert f"{wheel} cannot be read as a wheel" in str(error)


def _damaged(wheel: bytes) -> bytes:
    """With compressed data that is none."""
    at = wheel.index(b"METADATA") + len(b"METADATA")
    return wheel[:at] + b"\xff" * 40 + wheel[at + 40 :]


def test_a_wheel_of_ones_own_is_in_no_lock(shelved: Shelf) -> None:
    wheel = with_own_ray(shelved, "click>=8")
    [base] = [path for path in shelved.files() if "base" in path]
    assert "click" in versions(shelved, base)
    assert not any("ray=" in text or wheel in text for text in shelved.files().values())
    assert shelved.check() == []
