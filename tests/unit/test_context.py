"""What a build reads is contained in the project, and every change of it changes the digest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.context import LEFT_OUT, Contents, contained
from factory.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    (folder / "app" / "sub").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("print(1)\n")
    (folder / "app" / "sub" / "data").write_bytes(b"\0\1")
    (folder / "app" / "link").symlink_to("main.py")
    return folder


def digest_of(root: Path, path: str) -> str:
    return Contents(root).digest(".", path, where="test")


def digest(root: Path) -> str:
    return digest_of(root, "app")


def relink(app: Path, target: str) -> None:
    (app / "link").unlink()
    (app / "link").symlink_to(target)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda app: (app / "main.py").write_text("print(2)\n"),
    "mode bit": lambda app: (app / "main.py").chmod(0o755),
    "folder's mode": lambda app: (app / "sub").chmod(0o700),
    "symlink target": lambda app: relink(app, "sub/data"),
    "symlink's name": lambda app: (app / "link").replace(app / "other"),
    "name": lambda app: (app / "main.py").rename(app / "main2.py"),
    "place": lambda app: (app / "main.py").rename(app / "sub" / "main.py"),
    "new file": lambda app: (app / "new").touch(),
    "new folder": lambda app: (app / "empty").mkdir(),
    "file gone": lambda app: (app / "sub" / "data").unlink(),
    "one byte moved between files": lambda app: (
        (app / "main.py").write_text("print(1)"),
        (app / "sub" / "data").write_bytes(b"\n\0\1"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_kind_of_change_changes_the_digest(
    root: Path, change: Callable[[Path], object]
) -> None:
    before = digest(root)
    change(root / "app")
    assert digest(root) != before


def test_what_a_build_does_not_see_does_not_change_it(root: Path) -> None:
    before = digest(root)
    os.utime(root / "app" / "main.py", (1, 1))
    for name in LEFT_OUT:
        (root / "app" / "sub" / name).mkdir()
        (root / "app" / "sub" / name / "x").write_text("x")
    (root / "beside").write_text("x")
    assert digest(root) == before


def test_the_digest_does_not_depend_on_where_the_project_is(root: Path, tmp_path: Path) -> None:
    before = digest(root)
    moved = tmp_path.resolve() / "moved"
    root.rename(moved)
    assert digest(moved) == before


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8)
        .filter(lambda name: name not in (".", "..", *LEFT_OUT))
        .filter(lambda name: len(name.encode()) < 200),
        st.binary(max_size=20),
        max_size=4,
    ),
    st.dictionaries(st.sampled_from(["a", "b", "ab"]), st.binary(max_size=4), max_size=3),
)
def test_only_equal_folders_have_equal_digests(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("pair").resolve()
    for name, files in (("one", one), ("other", other)):
        (root / name).mkdir()
        for file, content in files.items():
            (root / name / file).write_bytes(content)
    equal = digest_of(root, "one") == digest_of(root, "other")
    assert equal == (one == other)


LEAVING: dict[str, Callable[[Path], object]] = {
    "a link to outside": lambda app: (app / "out").symlink_to("/etc/passwd"),
    "a link up and out": lambda app: (app / "sub" / "out").symlink_to("../../../elsewhere"),
    "a dangling link out": lambda app: (app / "out").symlink_to("/nonexistent"),
    "a circle of links": lambda app: (app / "loop").symlink_to("loop"),
}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
def test_a_link_in_the_folder_may_not_leave_the_project(
    root: Path, leave: Callable[[Path], object]
) -> None:
    leave(root / "app")
    with pytest.raises(ConfigError, match="leaves the project"):
        digest(root)


def test_special_files_are_refused(root: Path) -> None:
    os.mkfifo(root / "app" / "pipe")
    with pytest.raises(ConfigError, match="neither a file"):
        digest(root)


def test_a_link_in_place_of_the_path_is_refused(root: Path) -> None:
    (root / "alias").symlink_to("app")
    with pytest.raises(ConfigError, match="alias is a symlink"):
        digest_of(root, "alias")


@pytest.mark.parametrize("path", ["..", "../project2", "/etc", "app/../../x"])
def test_a_path_beyond_the_project_is_refused(root: Path, path: str) -> None:
    (root.parent / "project2").mkdir()
    (root.parent / "x").mkdir()
    with pytest.raises(ConfigError, match="leads outside the project"):
        contained(root, path)


@pytest.mark.parametrize("path", ["none", "app/main.py/x", "loop/x"])
def test_a_path_to_nothing_is_refused(root: Path, path: str) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="there is no"):
        contained(root, path)
