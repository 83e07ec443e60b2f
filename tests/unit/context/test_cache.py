"""What is remembered saves reading, and never hides a change."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.context import Contents, cache, hashing, tree
from factory.context.cache import MARGIN, NOT_TRUSTED, Known, Remembered
from factory.context.walk import FIELDS, packed

SECOND = 1_000_000_000
LONG_AGO = 1_600_000_000 * SECOND


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose files have been left alone for long, as far as their times can be set."""
    folder = tmp_path.resolve() / "project"
    for at in range(80):
        file = folder / "app" / f"package{at % 8}" / f"module{at}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"print({at:03})\n")
        os.utime(file, ns=(LONG_AGO, LONG_AGO))
    (folder / "app" / "link").symlink_to("package1/module1.py")
    return folder


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is long after the files were written. Nobody can set a ctime, so the clock is."""
    real = cache.moment
    monkeypatch.setattr(cache, "moment", lambda file: real(file) + 10 * MARGIN)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    real = hashing._read

    def noted(path: str) -> object:
        names.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(hashing, "_read", noted)
    return names


def digest(root: Path, *, fresh: bool = False) -> str:
    remembered = None if fresh else root / ".factory" / "digests"
    return Contents(root, remembered).digest(".", "app", where="test")


def module(root: Path, at: int) -> Path:
    return root / "app" / f"package{at % 8}" / f"module{at}.py"


def remembered(root: Path) -> Path:
    [file] = (root / ".factory" / "digests").iterdir()
    return file


@pytest.mark.usefixtures("later")
def test_nothing_is_read_again_while_nothing_changes(root: Path, read: list[str]) -> None:
    first = digest(root)
    assert len(read) == 80
    assert digest(root) == first
    assert len(read) == 80


@pytest.mark.usefixtures("later")
def test_entries_are_the_same_remembered_or_read(root: Path) -> None:
    digest(root)
    known = Contents(root, root / ".factory" / "digests").tree(".", "app", where="test")
    assert known.entries == Contents(root).tree(".", "app", where="test").entries
    assert len(known.entries) == 1 + 8 + 80 + 1


def rewrite(file: Path) -> None:
    """Another content of the same length and mtime."""
    file.write_text(file.read_text().replace("print", "PRINT"))
    os.utime(file, ns=(LONG_AGO, LONG_AGO))


def replace(file: Path) -> None:
    other = file.with_name("other")
    shutil.copy2(file, other)
    rewrite(other)
    other.replace(file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content, with size and mtime kept": rewrite,
    "another file in its place": replace,
    "a longer file": lambda file: file.write_text("print(1000)\n"),
    "executable": lambda file: file.chmod(0o755),
    "touched": lambda file: file.touch(),
    "emptied": lambda file: os.truncate(file, 0),
}


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changed_is_read_again_and_nothing_else(
    root: Path, read: list[str], change: Callable[[Path], object]
) -> None:
    digest(root)
    read.clear()
    change(module(root, 7))
    found = digest(root)
    assert read == ["module7.py"]
    assert found == digest(root, fresh=True)


@pytest.mark.usefixtures("later")
def test_names_may_come_go_and_change_places(root: Path, read: list[str]) -> None:
    digest(root)
    read.clear()
    module(root, 3).rename(root / "app" / "spare")
    module(root, 4).rename(module(root, 3))
    (root / "app" / "spare").rename(module(root, 4))
    module(root, 5).unlink()
    (root / "app" / "new.py").write_text("new")
    (root / "app" / "empty").mkdir()
    found = digest(root)
    assert sorted(read) == ["module3.py", "module4.py", "new.py"]
    assert found == digest(root, fresh=True)


@pytest.mark.usefixtures("later")
def test_a_link_is_looked_at_each_time(root: Path) -> None:
    """Where it leads depends on files that may be outside of the tree."""
    from factory.errors import ConfigError

    (root / "beside").write_text("x")
    (root / "app" / "up").symlink_to("../beside")
    digest(root)
    (root / "beside").unlink()
    with pytest.raises(ConfigError, match="the symlink app/up leads to nothing"):
        digest(root)


def test_a_file_that_was_just_written_is_read_again(root: Path, read: list[str]) -> None:
    """All were, by their ctime: a write in the same tick of the clock could have left no trace."""
    digest(root)
    digest(root)
    assert len(read) == 160


@pytest.mark.parametrize(
    ("mtime", "ctime", "trusted"),
    [
        (-MARGIN - 1, -MARGIN - 1, True),
        (-MARGIN, -MARGIN - 1, False),
        (-MARGIN - 1, -MARGIN, False),
        (0, -2 * MARGIN, False),
        (MARGIN, -2 * MARGIN, False),
        (-2 * MARGIN, MARGIN, False),
    ],
)
def test_only_what_had_been_left_alone_is_trusted(mtime: int, ctime: int, trusted: bool) -> None:
    states = packed((5, LONG_AGO + mtime, LONG_AGO + ctime, 1, stat.S_IFREG))
    kept = cache.settled(states, LONG_AGO)
    assert kept[0] == (5 if trusted else NOT_TRUSTED)
    assert kept[1:] == states[1:]


def test_the_margin_is_above_the_ticks_of_coarse_file_systems() -> None:
    assert MARGIN > 2 * SECOND


def shorten(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def to_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut short": shorten,
    "empty": lambda file: os.truncate(file, 0),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "a bit in the middle": lambda file: flip(file, file.stat().st_size // 2),
    "the last bit": lambda file: flip(file, -1),
    "another version": lambda file: flip(file, 10),
    "no cache at all": lambda file: file.write_text("hello"),
    "a folder": to_folder,
}


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_as_good_as_none(
    root: Path, read: list[str], damage: Callable[[Path], object]
) -> None:
    first = digest(root)
    read.clear()
    damage(remembered(root))
    assert digest(root) == first
    assert len(read) == 80


@pytest.mark.usefixtures("later")
def test_a_file_of_another_tree_is_not_believed(root: Path, read: list[str]) -> None:
    digest(root)
    mine = remembered(root)
    shutil.copytree(root / "app", root / "copy", symlinks=True)
    remember = root / ".factory" / "digests"
    Contents(root, remember).digest(".", "copy", where="test")
    [other] = set(remember.iterdir()) - {mine}
    shutil.copy(mine, other)
    read.clear()
    Contents(root, remember).digest(".", "copy", where="test")
    assert len(read) == 80


@pytest.mark.usefixtures("later")
def test_a_project_that_moved_is_read_again(root: Path, read: list[str]) -> None:
    first = digest(root)
    moved = root.with_name("moved")
    root.rename(moved)
    assert digest(moved) == first
    assert len(read) == 160


@pytest.mark.usefixtures("later")
def test_a_folder_that_cannot_be_written_is_harmless(root: Path, read: list[str]) -> None:
    (root / ".factory").write_text("in the way")
    assert digest(root) == digest(root) == digest(root, fresh=True)


@pytest.mark.usefixtures("later")
def test_a_disk_that_is_full_leaves_what_was_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest(root)
    before = remembered(root).read_bytes()
    module(root, 1).write_text("x")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert digest(root) == digest(root, fresh=True)
    assert remembered(root).read_bytes() == before


@pytest.mark.usefixtures("later")
def test_runs_at_the_same_time_do_each_other_no_harm(root: Path) -> None:
    right = digest(root, fresh=True)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(digest(root))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [right] * 8
    assert digest(root) == right
    assert remembered(root).is_file()


@pytest.mark.usefixtures("later")
def test_small_trees_are_not_worth_remembering(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("x")
    digest(tmp_path.resolve())
    assert not (tmp_path / ".factory").exists()


@pytest.mark.usefixtures("later")
def test_a_large_file_is_worth_it_alone(tmp_path: Path, read: list[str]) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "model").write_bytes(bytes(tree._WORTH_BYTES))
    assert digest(tmp_path.resolve()) == digest(tmp_path.resolve())
    assert read == ["model"]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0"), min_size=1).filter(
                lambda it: not any("\ud800" <= char <= "\udfff" for char in it)
            ),
            st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * FIELDS),
            st.binary(min_size=32, max_size=32),
        ),
        max_size=4,
    ),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[str, tuple[int, ...], bytes]],
    mark: bytes,
) -> None:
    file = tmp_path_factory.mktemp("saved") / "file"
    known = Known(
        names=[name for name, _, _ in entries],
        states=array("q", [number for _, state, _ in entries for number in state]),
        digests=b"".join(found for _, _, found in entries),
        tree=bytes(32),
    )
    cache.save(file, mark, known)
    loaded = Remembered.load(file, mark)
    assert loaded
    assert loaded.known() == known
    assert loaded.is_of(known.names, known.states)
    assert not loaded.is_of([*known.names, "more"], known.states)
    assert (Remembered.load(file, bytes(32)) is None) is (mark != bytes(32))


def test_inodes_with_the_highest_bit_are_kept_apart() -> None:
    one, other = packed((1, 1, 1, 2**64 - 1, 1)), packed((1, 1, 1, 2**63, 1))
    assert one != other
    assert len(one) == FIELDS
